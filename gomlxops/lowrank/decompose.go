package lowrank

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/transformer"
	"golang.org/x/sync/errgroup"
)

// Decompose takes one linear of m apart, with the method's default settings, and keeps all its directions. moments may be nil
// for a method that needs none; one that needs Fisher sums takes them from the options of [DecomposeAll].
//
// Errors: an unknown method, moments of another model or of a variant with replaced linears, a linear that the model does
// not hold dense. Cost: about 9·min(out,in)³ operations for the eigenvectors, some times that where out > in.
func Decompose(m *transformer.Model, moments *covariance.Moments, lin transformer.Linear, method Method) (*Spectrum, error) {
	d, err := newDecomposer(m, moments, method, Options{})
	if err != nil {
		return nil, fmt.Errorf("cannot decompose %s: %w", lin.Name, err)
	}
	return d.one(lin, min(lin.Out, lin.In))
}

// Options choose what [DecomposeAll] does. The zero value decomposes every decoder linear.
type Options struct {
	// Keep is how many directions each spectrum keeps. 0 keeps as many as can save anything, fewer than out·in/(out+in):
	// from there on the dense matrix is smaller. It is limited to min(out, in).
	Keep     int
	Settings Settings             // of the method
	Fisher   *importance.Fisher   // for a method that needs it; others leave it aside
	Linears  []transformer.Linear // which; nil means all
	Recorder gomlxops.Recorder    // told of progress; nil keeps nothing
}

// DecomposeAll takes the linears of m apart, in the order given, some at a time.
//
// Memory of the result: 4·Keep·(out+in) bytes for each linear, at most that of the linears in float32. Cancelling ctx
// stops between two linears.
func DecomposeAll(ctx context.Context, m *transformer.Model, moments *covariance.Moments, method Method, opt Options) ([]*Spectrum, error) {
	d, err := newDecomposer(m, moments, method, opt)
	if err != nil {
		return nil, fmt.Errorf("cannot decompose: %w", err)
	}
	linears := opt.Linears
	if linears == nil {
		linears = m.Linears()
	}
	spectra := make([]*Spectrum, len(linears))
	group, ctx := errgroup.WithContext(ctx)
	// Large problems use all processors by themselves; small ones, which do not, overlap.
	group.SetLimit(runtime.GOMAXPROCS(0))
	report := progress(gomlxops.OrDiscard(opt.Recorder), len(linears))
	for i, lin := range linears {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if spectra[i], err = d.one(lin, opt.keep(lin)); err == nil {
				report()
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return spectra, nil
}

// keep is the number of directions to keep of a linear.
func (o Options) keep(lin transformer.Linear) int {
	most := min(lin.Out, lin.In)
	if o.Keep > 0 {
		return min(o.Keep, most)
	}
	return max(1, min((lin.Out*lin.In-1)/(lin.Out+lin.In), most))
}

// progress returns a function that counts one linear as done.
func progress(rec gomlxops.Recorder, total int) func() {
	var mutex sync.Mutex
	done := 0
	return func() {
		mutex.Lock()
		defer mutex.Unlock()
		done++
		rec.Progress("decompose", done, total)
	}
}

// decomposer is a checked request.
type decomposer struct {
	model    *transformer.Model
	moments  *covariance.Moments // nil where the method needs none
	method   Method
	settings Settings
	fisher   *importance.Fisher // nil where the method needs none
	analyser analyser
	digest   string // of the model
	roots    roots
}

func newDecomposer(m *transformer.Model, moments *covariance.Moments, method Method, opt Options) (*decomposer, error) {
	d, err := plainDecomposer(m, method, opt.Settings)
	if err != nil {
		return nil, err
	}
	if method.NeedsMoments() {
		d.moments = moments
		err = checkMoments(m, moments, method)
	}
	if method.NeedsFisher() {
		d.fisher = opt.Fisher
		err = d.checkFisher(opt.Fisher)
	}
	return d, err
}

// plainDecomposer returns one without moments and Fisher sums.
func plainDecomposer(m *transformer.Model, method Method, settings Settings) (*decomposer, error) {
	settings, err := settings.For(method)
	if err != nil {
		return nil, err
	}
	digest, err := m.Digest()
	return &decomposer{model: m, method: method, settings: settings, analyser: methods[method].make(settings), digest: digest}, err
}

func checkMoments(m *transformer.Model, moments *covariance.Moments, method Method) error {
	switch {
	case moments == nil:
		return fmt.Errorf("method %q needs calibration moments, found none", method)
	case moments.Replaced != 0:
		return fmt.Errorf("moments: expected those of the dense model, found those of a variant with %d linears replaced", moments.Replaced)
	}
	return moments.For(m)
}

func (d *decomposer) one(lin transformer.Linear, keep int) (*Spectrum, error) {
	s, err := d.decompose(lin, keep)
	if err != nil {
		return nil, fmt.Errorf("cannot decompose %s by %s: %w", lin.Name, d.method, err)
	}
	s.Method, s.Settings, s.Model = d.method, d.settings, d.digest
	if d.moments != nil {
		s.Moments = d.moments.Digest()
	}
	if d.fisher != nil {
		s.Fisher = d.fisher.Digest()
	}
	return s, nil
}

func (d *decomposer) decompose(lin transformer.Linear, keep int) (*Spectrum, error) {
	p, err := d.problem(lin)
	if err != nil {
		return nil, err
	}
	p.keep = keep
	a, err := d.analyser.analyse(p)
	if err != nil {
		return nil, err
	}
	return newSpectrum(p, a, keep)
}

func (d *decomposer) problem(lin transformer.Linear) (problem, error) {
	own, err := d.model.Linear(lin.Name)
	if err != nil {
		return problem{}, err
	}
	if own != lin {
		return problem{}, fmt.Errorf("expected %+v as the model has it, found %+v", own, lin)
	}
	if f, replaced := d.model.Dense().Form(lin.Name); replaced {
		return problem{}, fmt.Errorf("the model holds it %s, not dense; decompose the model that it was made from", f.Name())
	}
	w, _, err := d.model.Float32(lin.Name + ".weight")
	if err != nil {
		return problem{}, err
	}
	p := problem{linear: lin, w: widen(w), roots: &d.roots}
	if p.bias, err = ownBias(d.model, lin); err != nil {
		return p, err
	}
	if d.moments != nil {
		if p.input, err = d.moments.Input(lin); err != nil {
			return p, err
		}
	}
	if d.fisher != nil {
		p.fisher, err = d.fisher.Of(lin)
	}
	return p, err
}

// ownBias reads β, nil where the linear has none.
func ownBias(m *transformer.Model, lin transformer.Linear) ([]float32, error) {
	if !lin.Bias {
		return nil, nil
	}
	bias, _, err := m.Float32(lin.Name + ".bias")
	return bias, err
}

func widen(a []float32) []float64 {
	out := make([]float64, len(a))
	for i, v := range a {
		out[i] = float64(v)
	}
	return out
}
