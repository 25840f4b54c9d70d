package transformer

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// engine is what a model keeps between runs: the graphs it has built, by what they compute, and as many widened weights as
// fit keepBytes. The zero value is ready.
type engine struct {
	mu     sync.Mutex
	graphs graphs
	kept   map[string]*tensors.Tensor // parts of the checkpoint on the backend, by tensor name
	bytes  int64                      // of kept
}

// keepBytes bounds the widened weights that stay on the backend between runs. A pocket-size model fits, so that a search
// over variants of it widens nothing twice; of a model that does not fit, the first blocks stay and the others are widened
// for each run, which is the best that any choice does for a stream that always goes from front to back.
const keepBytes = 256 << 20

// close frees what is kept.
func (e *engine) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, t := range e.kept {
		errs = append(errs, t.FinalizeAll())
	}
	e.kept, e.bytes = nil, 0
	e.graphs.clear()
	return errors.Join(errs...)
}

// weights are tensors on the backend that a step of a run needs: some the engine's, some its own.
type weights struct {
	args []any             // in the order of the graph's parameters
	own  []*tensors.Tensor // to be freed after the step
}

func (w *weights) free() error {
	var errs []error
	for _, t := range w.own {
		errs = append(errs, t.FinalizeAll())
	}
	w.args, w.own = nil, nil
	return errors.Join(errs...)
}

// load puts one array on the backend and appends it to w. An array of the checkpoint has a key, its tensor's name, and is kept
// as long as there is room; one without is freed with w.
func (e *engine) load(b compute.Backend, w *weights, key string, shape []int, read func(dst []float32) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t, ok := e.kept[key]; ok && key != "" {
		w.args = append(w.args, t)
		return nil
	}
	t, err := onBackend(b, shape, read)
	if err != nil {
		return err
	}
	w.args = append(w.args, t)
	if size := t.ByteSize(); key != "" && e.bytes+size <= keepBytes {
		if e.kept == nil {
			e.kept = map[string]*tensors.Tensor{}
		}
		e.kept[key] = t
		e.bytes += size
		return nil
	}
	w.own = append(w.own, t)
	return nil
}

// onBackend makes a float32 tensor whose values read writes, straight into the backend's memory where it is shared.
func onBackend(b compute.Backend, shape []int, read func(dst []float32) error) (*tensors.Tensor, error) {
	t, err := tensors.FromShapeForBackend(b, 0, shapes.Make(dtypes.Float32, shape...))
	if err != nil {
		return nil, err
	}
	var readErr error
	err = tensors.MutableFlatData(t, func(dst []float32) { readErr = read(dst) })
	if err = errors.Join(readErr, err); err != nil {
		return nil, errors.Join(err, t.FinalizeAll())
	}
	return t, nil
}

// graphs are built graphs by what they compute. One is built when it is first asked for, and once.
type graphs struct {
	mu    sync.Mutex
	known map[string]*graph.Exec
	order []string // of known, the one that was asked for longest ago first
	built int      // how many were ever compiled
}

// mostGraphs bounds what a search over many shapes keeps: two of every block of a model of 80 go in, those for whole batches and for the last. A
// block's graph takes some 0.3 MB, whatever the model's size.
const mostGraphs = 192

// get returns the graph for key, which must say everything that build depends on. The graph keeps build, so that this must hold nothing of a run: of a
// variant least of all, whose factors would stay in memory with it.
func (g *graphs) get(b compute.Backend, key string, build func(in []*graph.Node) []*graph.Node) (*graph.Exec, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if exec, ok := g.known[key]; ok {
		at := slices.Index(g.order, key)
		g.order = append(slices.Delete(g.order, at, at+1), key)
		return exec, nil
	}
	exec, err := graph.NewExec(b, func(in []*graph.Node) []*graph.Node {
		g.mu.Lock()
		g.built++
		g.mu.Unlock()
		return build(in)
	})
	if err != nil {
		return nil, fmt.Errorf("graph %s: %w", key, err)
	}
	if len(g.order) == mostGraphs {
		delete(g.known, g.order[0]) // another run may still use it: the collector frees it
		g.order = g.order[1:]
	}
	if g.known == nil {
		g.known = map[string]*graph.Exec{}
	}
	g.known[key] = exec
	g.order = append(g.order, key)
	return exec, nil
}

// Graphs returns how many graphs were compiled to run the model and its variants since it was opened. Variants whose linears have the shapes of
// earlier ones add none.
func (m *Model) Graphs() int {
	g := &m.engine.graphs
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.built
}

func (g *graphs) clear() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known, g.order = nil, nil
}
