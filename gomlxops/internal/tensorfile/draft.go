package tensorfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/parelab/pare/internal/durable"
)

// Draft is a file whose arrays are filled in place: they lie in the system's page cache, which may put them on disk when memory is short, and
// not in the heap. Arrays that are together larger than memory can be made so, as long as few of them are worked on at a time.
//
// Nothing is at the draft's path until [Draft.Commit], and then all of it is. Where the system cannot map files for writing, or stores
// numbers in another byte order, the arrays lie in the heap and Commit writes them.
type Draft struct {
	path     string
	tensors  []Tensor
	metadata map[string]string
	place    *durable.Workspace // beside path; nil where the arrays lie in the heap, and after the end
	file     *os.File           // in it
	data     []byte             // the whole file, mapped
}

// NewDraft sets out a file of arrays of zeros. A tensor's Data says the type only, by an empty slice: []float64(nil) or []int64(nil).
//
// The space is taken on disk at once, since a disk that is full later would end the process. Drafts of the same path whose processes were killed are removed.
func NewDraft(path string, tensors []Tensor, metadata map[string]string) (*Draft, error) {
	d := &Draft{path: path, metadata: metadata}
	header, err := encodeShapes(tensors, metadata)
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", path, err)
	}
	start, total := 8+int64(len(header)), int64(0)
	for _, t := range tensors {
		dtype, n, _ := t.describe()
		if elementSize(dtype) != 8 {
			return nil, fmt.Errorf("cannot write %s: tensor %q: expected []float64 or []int64, found %T", path, t.Name, t.Data)
		}
		total += n
	}
	if mappable {
		if err := d.open(header, start+8*total); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot write %s: %w", path, err), d.Discard())
		}
	}
	for _, t := range tensors {
		n, _ := elements(t.Shape)
		t.Data = d.array(t.Data, start, int(n))
		start += 8 * n
		d.tensors = append(d.tensors, t)
	}
	return d, nil
}

// array returns n elements at an offset of the file, of zero's type.
func (d *Draft) array(zero any, at int64, n int) any {
	switch zero.(type) {
	case []int64:
		if d.data == nil {
			return make([]int64, n)
		}
		return view[int64](d.data[at : at+8*int64(n)])
	}
	if d.data == nil {
		return make([]float64, n)
	}
	return view[float64](d.data[at : at+8*int64(n)])
}

// open makes the file beside its place, of size bytes of which header are the first, and maps it.
func (d *Draft) open(header []byte, size int64) (err error) {
	if d.place, err = durable.NewWorkspace(filepath.Dir(d.path), "."+filepath.Base(d.path)+"."); err != nil {
		return err
	}
	if d.file, err = os.Create(filepath.Join(d.place.Dir, "draft")); err != nil {
		return err
	}
	if err = d.file.Chmod(0o644); err != nil {
		return err
	}
	if err = writeAll(d.file, header, nil); err != nil {
		return err
	}
	zeros := make([]byte, 1<<20)
	for at := 8 + int64(len(header)); at < size; at += int64(len(zeros)) {
		if _, err = d.file.Write(zeros[:min(int64(len(zeros)), size-at)]); err != nil {
			return err
		}
	}
	d.data, err = mapFile(d.file, size, true)
	return err
}

// Float64 returns the named array, and nil where there is none of that name and type. It may be read, not written, after Commit, and used for as long as the process runs.
func (d *Draft) Float64(name string) []float64 {
	for _, t := range d.tensors {
		if data, ok := t.Data.([]float64); ok && t.Name == name {
			return data
		}
	}
	return nil
}

// Int64 is [Draft.Float64] for an array of int64.
func (d *Draft) Int64(name string) []int64 {
	for _, t := range d.tensors {
		if data, ok := t.Data.([]int64); ok && t.Name == name {
			return data
		}
	}
	return nil
}

// Commit has the file put on disk and gives it its name, in the place of one that had it. The arrays stay where they are, mapped until the process ends.
func (d *Draft) Commit() (err error) {
	if d.place == nil {
		return Write(d.path, d.tensors, d.metadata)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("cannot write %s: %w", d.path, err), d.Discard())
		}
	}()
	if err = flush(d.data); err != nil {
		return err
	}
	if err = d.file.Sync(); err != nil {
		return err
	}
	if err = durable.Rename(d.file.Name(), d.path); err != nil {
		return err
	}
	err, d.place = errors.Join(d.file.Close(), d.place.Remove()), nil
	return err
}

// Discard leaves nothing of a draft that was not committed. Its arrays must not be used afterwards.
func (d *Draft) Discard() error {
	if d.place == nil {
		return nil
	}
	var err error
	if d.data != nil {
		err = unmap(d.data)
	}
	if d.file != nil {
		err = errors.Join(err, d.file.Close())
	}
	err = errors.Join(err, d.place.Remove())
	d.place, d.data, d.tensors = nil, nil, nil
	return err
}
