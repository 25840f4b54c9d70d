package covariance

import (
	"context"
	"fmt"
	"time"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// pass fills moments, at once or in parts of whole groups.
type pass struct {
	v         *transformer.Variant
	sequences [][]int32
	opt       Options
	m         *Moments
	probe     *probe
	stage     string
	purpose   purpose // where there is a checkpoint
}

// run takes groups [from, to) through the model.
func (p *pass) run(ctx context.Context, from, to int) error {
	size := p.probe.perGroup
	p.probe.firstGroup = from
	err := p.v.Stream(ctx, p.sequences[from*size:to*size], transformer.RunOptions{
		Batch: p.opt.Batch, Align: size, Probe: p.probe, Stage: p.stage,
		Recorder: partly{gomlxops.OrDiscard(p.opt.Recorder), from, to, p.m.Groups},
	})
	if err != nil && from > 0 {
		return fmt.Errorf("counting sequences from %d: %w", from*size, err)
	}
	return err
}

// resumable takes all groups through the model in parts and keeps what is done after each, but the last. Measured at hidden size 256
// with groups of 1,024 tokens (BenchmarkCheckpoint): at its own pace no cost above the noise of a few percent, after each group about 8%.
func (p *pass) resumable(ctx context.Context) error {
	if err := p.check(); err != nil {
		return err
	}
	p.opt.Batch = p.batch()
	p.purpose = purposeOf(p.m, p.opt.Batch, p.probe.inGraph)
	keep := p.opt.Checkpoint
	done, reason, err := p.m.loadCheckpoint(keep.Path, p.purpose)
	if err != nil {
		return err
	}
	switch {
	case reason != "":
		keep.notice("begins anew: checkpoint %s is of another calibration: %s", keep.Path, reason)
	case done > 0:
		so := fmt.Sprintf("continued after %d of %d sequences", done*p.probe.perGroup, p.m.Sequences)
		p.stage += ", " + so
		keep.notice("%s, from checkpoint %s", so, keep.Path)
	}
	if err := p.parts(ctx, done); err != nil {
		return err
	}
	if keep.Keep {
		return nil
	}
	return removeFile(keep.Path)
}

// parts takes the groups from done on through the model.
func (p *pass) parts(ctx context.Context, done int) error {
	pace := pace{every: p.opt.Checkpoint.Every, step: p.step()}
	if pace.every == 0 {
		pace.every = everyDefault
	}
	saved := time.Now()
	for done < p.m.Groups {
		began, n := time.Now(), pace.next(p.m.Groups-done)
		if err := p.run(ctx, done, done+n); err != nil {
			return err
		}
		done += n
		pace.observe(n, time.Since(began))
		if done == p.m.Groups || !pace.due(time.Since(saved)) {
			continue
		}
		saved = time.Now()
		if err := p.m.saveCheckpoint(p.opt.Checkpoint.Path, done, p.purpose); err != nil {
			p.opt.Checkpoint.notice("goes on without a checkpoint: %v", err)
		}
		pace.saving = time.Since(saved)
	}
	return nil
}

// check says what [transformer.Variant.Stream] would, had it all sequences before it.
func (p *pass) check() error {
	if p.m.Replaced > 0 {
		return fmt.Errorf("checkpoint: expected the dense model, found %d linears replaced: a file could not say by what; calibrate without one", p.m.Replaced)
	}
	vocabulary := p.v.Model().Config().VocabSize
	for i, s := range p.sequences {
		if len(s) != p.m.Length {
			return fmt.Errorf("sequence %d: expected %d tokens, found %d", i, p.m.Length, len(s))
		}
		for t, id := range s {
			if id < 0 || int(id) >= vocabulary {
				return fmt.Errorf("sequence %d, position %d: expected a token id below %d, found %d", i, t, vocabulary, id)
			}
		}
	}
	return nil
}

// batch is the number of sequences per call. It must not depend on how many the rest of a pass has, so it is not the stream's choice.
func (p *pass) batch() int {
	if p.opt.Batch > 0 {
		return p.opt.Batch
	}
	tokens := tokensPerScatter
	if p.probe.inGraph {
		tokens *= 8 // an accelerator wants larger products
	}
	return min(p.probe.perGroup, max(1, tokens/p.m.Length))
}

// step is the least number of groups in a part: on the Go backend two calls run side by side.
func (p *pass) step() int {
	if p.probe.inGraph || p.opt.Batch < p.probe.perGroup {
		return 1
	}
	return 2
}

// partly turns the progress of groups [from, to) into progress of all.
type partly struct {
	gomlxops.Recorder
	from, to, all int
}

func (p partly) Progress(stage string, done, total int) {
	perGroup := total / (p.to - p.from) // calls: groups have equally many
	p.Recorder.Progress(stage, p.from*perGroup+done, p.all*perGroup)
}
