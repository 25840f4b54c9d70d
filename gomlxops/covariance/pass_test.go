package covariance

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parelab/pare/gomlxops/internal/tensorfile"
	"github.com/parelab/pare/gomlxops/transformer"
)

// told is a recorder that keeps the progress and calls at, where not nil, after each call of the model.
type told struct {
	stage       string
	calls       int
	first, last int
	total       int
	at          func(done, total int)
}

func (r *told) Metric(string, int, float64) {}

func (r *told) Progress(stage string, done, total int) {
	if r.calls++; r.calls == 1 {
		r.first = done
	}
	r.stage, r.last, r.total = stage, done, total
	if r.at != nil {
		r.at(done, total)
	}
}

// eachGroup saves a checkpoint after each group.
func eachGroup(t *testing.T, notices *[]string) Checkpoint {
	return Checkpoint{Path: filepath.Join(t.TempDir(), "checkpoint"), Every: -1, Notice: func(s string) { *notices = append(*notices, s) }}
}

// interrupt cancels a pass of 16 sequences in 8 groups of 2 calls each as soon as that many groups are done and the next is begun.
func interrupt(t *testing.T, m *transformer.Model, tokens [][]int32, opt Options, groups int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	opt.Recorder = &told{at: func(done, total int) {
		if done > groups*total/8 {
			cancel()
		}
	}}
	if _, err := Collect(ctx, m.Dense(), tokens, opt); !errors.Is(err, context.Canceled) {
		t.Fatalf("expected an interruption after %d groups, found error %v", groups, err)
	}
}

// A pass that is interrupted continues where its last checkpoint is, and gives the bits of a pass that was not.
func TestContinuesAfterInterruption(t *testing.T) {
	m := openOracle(t, "gqa")
	tokens := calibTokens(t, "gqa")
	whole := collect(t, m, tokens, Options{Groups: 8, Batch: 1})
	var notices []string
	for _, groups := range []int{0, 1, 5, 7} {
		notices = nil
		opt := Options{Groups: 8, Batch: 1, Checkpoint: eachGroup(t, &notices)}
		interrupt(t, m, tokens, opt, groups)
		rec := &told{}
		opt.Recorder = rec
		if got := collect(t, m, tokens, opt); !reflect.DeepEqual(got, whole) {
			t.Errorf("after %d groups: the moments differ from those of a pass in one sitting", groups)
		}
		if calls := (8 - groups) * rec.total / 8; rec.last != rec.total || rec.first+calls < rec.last || rec.first <= groups*rec.total/8 {
			t.Errorf("after %d groups: %d calls, progress from %d to %d of %d", groups, rec.calls, rec.first, rec.last, rec.total)
		}
		said := strings.Join(notices, "; ")
		if continued := strings.Contains(said, "continued after"); continued != (groups > 0) || continued != strings.Contains(rec.stage, "continued") {
			t.Errorf("after %d groups: said %q, stage %q", groups, said, rec.stage)
		}
		if _, err := os.Stat(opt.Checkpoint.Path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after %d groups: the checkpoint remains (%v)", groups, err)
		}
	}
}

// With batches of the pass's own choice, and at its own pace, a checkpoint changes nothing beyond rounding.
func TestCheckpointChangesOnlyRounding(t *testing.T) {
	m := openOracle(t, "mha")
	tokens := calibTokens(t, "mha")
	whole := collect(t, m, tokens, Options{Groups: 4})
	var first *Moments
	for _, every := range []time.Duration{0, -1, time.Nanosecond} {
		got := collect(t, m, tokens, Options{Groups: 4, Checkpoint: Checkpoint{Path: filepath.Join(t.TempDir(), "c"), Every: every}})
		if first == nil {
			first = got
		}
		if !reflect.DeepEqual(got, first) {
			t.Errorf("every %v: the bits depend on when checkpoints are saved", every)
		}
		for i, s := range got.Stats {
			expect(t, s.name()+" SCM", s.SCM(), whole.Stats[i].SCM(), 1e-6)
			expect(t, s.name()+" PCM", s.PCM(), whole.Stats[i].PCM(), 1e-6)
		}
	}
}

// A checkpoint of anything else is passed over with the reason, and what is no checkpoint stops the pass and stays.
func TestCheckpointOfSomethingElse(t *testing.T) {
	m := openOracle(t, "mha")
	tokens := calibTokens(t, "mha")
	for name, c := range map[string]struct {
		change func(tokens [][]int32, opt *Options) [][]int32
		reason string
	}{
		"tokens":    {func(tokens [][]int32, _ *Options) [][]int32 { return append(tokens[1:16:16], tokens[0]) }, "tokens: expected"},
		"sequences": {func(tokens [][]int32, _ *Options) [][]int32 { return tokens[:8] }, "tokens: expected"},
		"data":      {func(tokens [][]int32, opt *Options) [][]int32 { opt.Data = "other"; return tokens }, `data: expected "other", found ""`},
		"groups":    {func(tokens [][]int32, opt *Options) [][]int32 { opt.Groups = 4; return tokens }, `all_groups: expected "4", found "8"`},
		"batch":     {func(tokens [][]int32, opt *Options) [][]int32 { opt.Batch = 2; return tokens }, `batch: expected "2", found "1"`},
	} {
		var notices []string
		opt := Options{Groups: 8, Batch: 1, Checkpoint: eachGroup(t, &notices)}
		interrupt(t, m, tokens, opt, 3)
		other := c.change(tokens, &opt)
		got := collect(t, m, other, opt)
		if said := strings.Join(notices, "; "); !strings.Contains(said, c.reason) || !strings.Contains(said, "begins anew") {
			t.Errorf("%s: said %q", name, said)
		}
		opt.Checkpoint = Checkpoint{}
		if !reflect.DeepEqual(got, collect(t, m, other, opt)) {
			t.Errorf("%s: the checkpoint went into the moments", name)
		}
	}
	var notices []string
	opt := Options{Groups: 8, Batch: 1, Checkpoint: eachGroup(t, &notices)}
	interrupt(t, m, tokens, opt, 3)
	gqa := openOracle(t, "gqa")
	collect(t, gqa, calibTokens(t, "gqa"), opt)
	if said := strings.Join(notices, "; "); !strings.Contains(said, "model: expected") {
		t.Errorf("model: said %q", said)
	}
}

func TestCheckpointRefuses(t *testing.T) {
	m := openOracle(t, "mha")
	tokens := calibTokens(t, "mha")
	var notices []string
	opt := Options{Groups: 8, Batch: 1, Checkpoint: eachGroup(t, &notices)}
	path := opt.Checkpoint.Path
	refused := func(name, want string) {
		t.Helper()
		before, _ := os.ReadFile(path)
		_, err := Collect(t.Context(), m.Dense(), tokens, opt)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %q and the path", name, err, want)
		}
		if after, _ := os.ReadFile(path); string(after) != string(before) {
			t.Errorf("%s: the file was touched", name)
		}
	}
	if err := os.WriteFile(path, []byte("a letter of somebody"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused("text", "name another")
	if err := collect(t, m, tokens, Options{Groups: 8}).Save(path); err != nil {
		t.Fatal(err)
	}
	refused("moments", "expected kind")
	os.Remove(path)
	interrupt(t, m, tokens, opt, 3)
	if err := os.Truncate(path, 3000); err != nil {
		t.Fatal(err)
	}
	refused("cut off", "remove the file")

	os.Remove(path)
	whole, _, err := prepare(m.Dense(), tokens, opt)
	if err != nil {
		t.Fatal(err)
	}
	of := purposeOf(whole, 1, false)
	part := collect(t, m, tokens[:2], Options{})
	metadata := part.metadata()
	for _, field := range of {
		metadata[field.name] = field.value
	}
	metadata["kind"] = checkpointKind
	metadata["groups"] = "2" // where each site has one
	if err := tensorfile.Write(path, part.arrays(), metadata); err != nil {
		t.Fatal(err)
	}
	refused("contradiction", "to begin anew")
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "expected kind") {
		t.Errorf("a checkpoint was read as moments: %v", err)
	}
}

// A checkpoint that cannot be written does not stop the pass.
func TestCheckpointNowhere(t *testing.T) {
	m := openOracle(t, "mha")
	var notices []string
	opt := Options{Groups: 8, Checkpoint: eachGroup(t, &notices)}
	opt.Checkpoint.Path = filepath.Join(t.TempDir(), "missing", "c")
	collect(t, m, calibTokens(t, "mha"), opt)
	if said := strings.Join(notices, "; "); !strings.Contains(said, "without a checkpoint") {
		t.Errorf("said %q", said)
	}
}

const killedEnv = "PARE_TEST_CHECKPOINT"

// A process that is killed loses the group it was at, no more.
func TestContinuesAfterKill(t *testing.T) {
	m := openOracle(t, "mha")
	tokens := calibTokens(t, "mha")
	var notices []string
	opt := Options{Groups: 8, Batch: 1, Checkpoint: eachGroup(t, &notices)}
	if path := os.Getenv(killedEnv); path != "" { // the child
		opt.Checkpoint.Path = path
		opt.Recorder = &told{at: func(done, total int) {
			if done > 5*total/8 {
				self, _ := os.FindProcess(os.Getpid())
				self.Kill()
				time.Sleep(time.Minute)
			}
		}}
		collect(t, m, tokens, opt)
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestContinuesAfterKill$")
	child.Env = append(os.Environ(), killedEnv+"="+opt.Checkpoint.Path)
	if out, err := child.CombinedOutput(); err == nil || child.ProcessState.Exited() {
		t.Fatalf("the child was not killed: %v\n%s", err, out)
	}
	got := collect(t, m, tokens, opt)
	if said := strings.Join(notices, "; "); !strings.Contains(said, "continued after 10 of 16 sequences") {
		t.Errorf("said %q", said)
	}
	if !reflect.DeepEqual(got, collect(t, m, tokens, Options{Groups: 8, Batch: 1})) {
		t.Error("the moments differ from those of a pass in one sitting")
	}
}

// Two passes over halves of the sequences add up to one pass over all, whatever the halves' files went through.
func TestMergeOfHalvesMatchesOnePass(t *testing.T) {
	m := openOracle(t, "gqa")
	tokens := calibTokens(t, "gqa")
	for _, c := range []struct{ cut, size int }{{8, 2}, {4, 4}, {12, 1}} {
		at := func(n int) Options { return Options{Groups: n / c.size, Batch: 1} }
		var halves []*Moments
		for _, part := range [][][]int32{tokens[:c.cut], tokens[c.cut:]} {
			path := filepath.Join(t.TempDir(), "half")
			if err := collect(t, m, part, at(len(part))).Save(path); err != nil {
				t.Fatal(err)
			}
			half, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			halves = append(halves, half)
		}
		merged, err := halves[0].Merge(halves[1])
		if err != nil {
			t.Fatal(err)
		}
		whole := collect(t, m, tokens, at(len(tokens)))
		if merged.Sequences != whole.Sequences || merged.Groups != whole.Groups {
			t.Fatalf("%+v: merged %d sequences in %d groups", c, merged.Sequences, merged.Groups)
		}
		for i, s := range merged.Stats { // the batches are the same, so that only float64 sums differ in their order
			expect(t, s.name()+" SCM", s.SCM(), whole.Stats[i].SCM(), 1e-13)
			expect(t, s.name()+" PCM", s.PCM(), whole.Stats[i].PCM(), 1e-13)
			expect(t, s.name()+" mean |x|", s.AbsMean, whole.Stats[i].AbsMean, 1e-13)
			if !reflect.DeepEqual(s.Groups, whole.Stats[i].Groups) {
				t.Errorf("%+v %s: the groups' means differ", c, s.name())
			}
		}
	}
}
