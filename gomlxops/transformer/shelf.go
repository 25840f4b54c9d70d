package transformer

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
)

// shelf keeps activations for later: in memory while there is room, the others in a file without a name in the system's directory for
// temporary files ([os.TempDir]). It may be used from several goroutines.
type shelf struct {
	b    compute.Backend
	room int64 // bytes in memory that are left

	mu   sync.Mutex
	file *os.File  // made when it is needed first
	size int64     // of the file
	free []stretch // of the file, to be used again
}

// stretch is a stretch of the shelf's file.
type stretch struct{ at, size int64 }

// shelved is a matrix on a shelf; the zero value is none.
type shelved struct {
	t       *tensors.Tensor // in memory, or nil
	stretch                 // in the file
	dims    []int
}

// put takes over t.
func (s *shelf) put(t *tensors.Tensor) (shelved, error) {
	x := shelved{t: t, stretch: stretch{size: int64(t.ByteSize())}, dims: t.Shape().Dimensions}
	s.mu.Lock()
	if x.size <= s.room {
		s.room -= x.size
		s.mu.Unlock()
		return x, nil
	}
	x.t = nil
	err := s.reserve(&x)
	s.mu.Unlock()
	if err == nil {
		var written error
		err = errors.Join(t.ConstBytes(func(data []byte) { _, written = s.file.WriteAt(data, x.at) }), written)
	}
	if err != nil {
		err = fmt.Errorf("cannot keep activations: %w; free space in %s, or name another directory by TMPDIR", err, os.TempDir())
	}
	return x, errors.Join(err, t.FinalizeAll())
}

// reserve finds room in the file.
func (s *shelf) reserve(x *shelved) error {
	for i, p := range s.free {
		if p.size == x.size {
			x.at = p.at
			s.free = append(s.free[:i], s.free[i+1:]...)
			return nil
		}
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "pare-activations-*")
		if err != nil {
			return err
		}
		s.file = f
		if err := os.Remove(f.Name()); err != nil { // it lives until it is closed, and not beyond this process
			return err
		}
	}
	x.at = s.size
	s.size += x.size
	return nil
}

// use gives x to work, which must leave it alone; x stays on the shelf.
func (s *shelf) use(x shelved, work func(t *tensors.Tensor) error) error {
	if x.t != nil {
		return work(x.t)
	}
	t, err := onBackend(s.b, x.dims, func([]float32) error { return nil })
	if err != nil {
		return err
	}
	var got error
	err = errors.Join(t.MutableBytes(func(data []byte) { _, got = s.file.ReadAt(data, x.at) }), got)
	if err == nil {
		err = work(t)
	}
	return errors.Join(err, t.FinalizeAll())
}

// drop frees x.
func (s *shelf) drop(x *shelved) error {
	old := *x
	*x = shelved{}
	if old.size == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old.t == nil {
		s.free = append(s.free, old.stretch)
		return nil
	}
	s.room += old.size
	return old.t.FinalizeAll()
}

// close frees the file. What is in memory must have been dropped.
func (s *shelf) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
