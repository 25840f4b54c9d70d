package recovery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// keptTraining is a short training with all that a state must hold: dropout, held-out losses, patience, accumulation.
func keptTraining(dir string) (*Problem, func(int) Batch, TrainOptions) {
	c := tiny()
	p := &Problem{Config: c, Dropout: 0.1, Trained: map[string]Array{}, Frozen: map[string]Array{}}
	weights := c.Init(1)
	for _, s := range c.TensorShapes() {
		p.Frozen[s.Name] = Numbers(weights[s.Name], s.Shape...)
	}
	random := rand.New(rand.NewPCG(3, 0))
	for _, l := range c.Linears() {
		a := make([]float32, 2*l.In)
		for i := range a {
			a[i] = float32(random.NormFloat64()) / 2
		}
		p.Trained[l.Name+".lora_A.weight"] = Numbers(a, 2, l.In)
		p.Trained[l.Name+".lora_B.weight"] = Numbers(make([]float32, 2*l.Out), l.Out, 2)
		p.Frozen[l.Name+".lora_scale"] = Numbers([]float32{2}, 1)
	}
	next := func(step int) Batch { return Batch{Tokens: counting(step)} }
	return p, next, TrainOptions{Steps: 24, WarmUp: 2, LearningRate: 1e-2, WeightDecay: 0.01, Accumulate: 2, Seed: 7, Held: counting(99), EvalEvery: 5,
		Patience: 100, Dir: dir, SaveEvery: 1}
}

// killVariable tells the test binary to train until it kills itself: "directory,step,microseconds".
const killVariable = "PARE_TEST_KILL"

// TestMain is the process that a test kills.
func TestMain(m *testing.M) {
	spec := strings.Split(os.Getenv(killVariable), ",")
	if len(spec) != 3 {
		os.Exit(m.Run())
	}
	step, _ := strconv.Atoi(spec[1])
	wait, _ := strconv.Atoi(spec[2])
	p, next, opt := keptTraining(spec[0])
	_, err := Tune(context.Background(), p, func(s int) Batch {
		if s >= step {
			go func() {
				time.Sleep(time.Duration(wait) * time.Microsecond)
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}()
		}
		return next(s)
	}, opt, nil)
	fmt.Println(err)
	os.Exit(3)
}

// TestKill kills a training with SIGKILL at three random moments, so that it is stopped in a step, in a save or between them, and compares
// what comes of going on with an uninterrupted training, bit for bit.
func TestKill(t *testing.T) {
	p, next, opt := keptTraining("")
	want, err := Tune(t.Context(), p, next, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	random, dir, step, kills := rand.New(rand.NewPCG(seed, 0)), t.TempDir(), 1, 0
	for range 3 {
		step += 1 + random.IntN(6)
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s,%d,%d", killVariable, dir, step, random.IntN(8000)))
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("seed %d: expected the process to be killed, found %v: %s", seed, err, out)
		}
		kills++
	}
	p, next, opt = keptTraining(dir)
	got, err := Tune(t.Context(), p, next, opt, nil)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	t.Logf("seed %d: %d kills, resumed at step %d of %d", seed, kills, got.Resumed, opt.Steps)
	if got.Resumed < 3 || len(got.Warnings) > 0 {
		t.Errorf("seed %d: resumed at step %d with warnings %q", seed, got.Resumed, got.Warnings)
	}
	sameResult(t, want, got)
}

// sameResult compares two trainings bit for bit.
func sameResult(t *testing.T, want, got *TrainResult) {
	t.Helper()
	if len(want.Weights) == 0 || !maps.EqualFunc(want.Weights, got.Weights, sameBits) {
		t.Error("the weights differ")
	}
	if !slices.Equal(want.Losses, got.Losses) || !slices.Equal(want.Held, got.Held) || *want.Best != *got.Best || want.Tokens != got.Tokens || want.Steps != got.Steps {
		t.Errorf("expected losses %v and %v, found %v and %v", want.Losses, want.Held, got.Losses, got.Held)
	}
}

func sameBits(x, y []float32) bool {
	return slices.EqualFunc(x, y, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
}

// stoppedAt trains until the context ends before a step, as Ctrl-C does, and returns the directory.
func stoppedAt(t *testing.T, step int) string {
	t.Helper()
	dir := t.TempDir()
	p, next, opt := keptTraining(dir)
	ctx, cancel := context.WithCancel(t.Context())
	opt.SaveEvery = 4
	_, err := Tune(ctx, p, func(s int) Batch {
		if s == step-1 {
			cancel()
		}
		return next(s)
	}, opt, nil)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return dir
}

// TestResumeAfterCancel stops in the evaluation after step 10, where no state was due, and sees it kept; two states stay; SaveEvery may change.
func TestResumeAfterCancel(t *testing.T) {
	dir := stoppedAt(t, 11)
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(names) != 4 || filepath.Base(names[3]) != "step-00000010.safetensors" {
		t.Fatalf("found %v", names)
	}
	p, next, opt := keptTraining(dir)
	got, err := Tune(t.Context(), p, next, opt, nil)
	if err != nil || got.Resumed != 10 {
		t.Fatalf("resumed at %d, %v", got.Resumed, err)
	}
	opt.Dir = ""
	want, err := Tune(t.Context(), p, next, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	sameResult(t, want, got)
}

// TestDamagedState damages the newest state in several ways and sees the one before used, with a warning; with both damaged, an error.
func TestDamagedState(t *testing.T) {
	whole := stoppedAt(t, 11)
	flip := func(data []byte) []byte { data[len(data)-3] ^= 4; return data }
	checked := 0
	for what, c := range map[string]struct {
		file   string
		damage func([]byte) []byte
		say    string
	}{
		"a flipped bit":        {"step-00000010.safetensors", flip, "sha256"},
		"a truncated file":     {"step-00000010.safetensors", func(d []byte) []byte { return d[:len(d)/2] }, "sha256"},
		"a truncated JSON":     {"step-00000010.json", func(d []byte) []byte { return d[:len(d)/2] }, "step-00000010.json"},
		"an empty JSON":        {"step-00000010.json", func([]byte) []byte { return nil }, "step-00000010.json"},
		"a file that is gone":  {"step-00000010.safetensors", nil, "no such file"},
		"another step's words": {"step-00000010.json", func(d []byte) []byte { return []byte(strings.Replace(string(d), `"step":10`, `"step":9`, 1)) }, "step 10"},
	} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, c.file)
		if c.damage == nil {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else {
			data, err := os.ReadFile(path)
			if err != nil || os.WriteFile(path, c.damage(data), 0o644) != nil {
				t.Fatal(err)
			}
		}
		p, next, opt := keptTraining(dir)
		got, err := Tune(t.Context(), p, next, opt, nil)
		if err != nil || got.Resumed != 8 || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], c.say) {
			t.Errorf("%s: expected to go on from step 8 with a warning of %q, found %d, %q, %v", what, c.say, got.Resumed, got.Warnings, err)
		}
		checked++
	}
	for _, step := range []string{"08", "10"} {
		if err := os.WriteFile(filepath.Join(whole, "step-000000"+step+".json"), []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, next, opt := keptTraining(whole)
	if _, err := Tune(t.Context(), p, next, opt, nil); err == nil || !strings.Contains(err.Error(), "no state of the training") || checked != 6 {
		t.Errorf("expected an error of no readable state, found %v after %d cases", err, checked)
	}
}

// TestStateOfAnother refuses to go on with other options, data or weights, and leaves the state as it is.
func TestStateOfAnother(t *testing.T) {
	dir := stoppedAt(t, 4)
	for what, change := range map[string]func(p *Problem, o *TrainOptions){
		"rate": func(_ *Problem, o *TrainOptions) { o.LearningRate = 2e-2 },
		"data": func(_ *Problem, o *TrainOptions) { o.Data = "other" },
		"seed": func(_ *Problem, o *TrainOptions) { o.Seed++ },
		"base": func(p *Problem, _ *TrainOptions) {
			p.Frozen["model.norm.weight"] = Numbers(make([]float32, 16), 16)
		},
		"dropout": func(p *Problem, _ *TrainOptions) { p.Dropout = 0.2 },
		"type":    func(p *Problem, _ *TrainOptions) { p.DType = BFloat16 },
		"again":   func(p *Problem, _ *TrainOptions) { p.Recompute = true },
	} {
		p, next, opt := keptTraining(dir)
		change(p, &opt)
		if _, err := Tune(t.Context(), p, next, opt, nil); err == nil || !strings.Contains(err.Error(), "another") || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: expected an error that names the directory, found %v", what, err)
		}
	}
	p, next, opt := keptTraining(dir)
	if got, err := Tune(t.Context(), p, next, opt, nil); err != nil || got.Resumed != 3 {
		t.Errorf("the state is gone: %v", err)
	}
}

// TestSaveFails puts a directory in the place of a state's file and sees an error that names it, with the state before still there.
func TestSaveFails(t *testing.T) {
	dir := t.TempDir()
	p, next, opt := keptTraining(dir)
	opt.SaveEvery = 3
	_, err := Tune(t.Context(), p, func(step int) Batch {
		if step == 5 {
			if err := os.MkdirAll(filepath.Join(dir, "step-00000006.safetensors", "x"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return next(step)
	}, opt, nil)
	if err == nil || !strings.Contains(err.Error(), "after step 6") || !strings.Contains(err.Error(), dir) {
		t.Fatalf("expected an error of step 6, found %v", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "step-00000006.safetensors")); err != nil {
		t.Fatal(err)
	}
	got, err := Tune(t.Context(), p, next, opt, nil)
	if err != nil || got.Resumed != 3 {
		t.Errorf("expected to go on from step 3, found %d, %v", got.Resumed, err)
	}
}
