package transformer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A model derived from another by changing nothing is the other: every family, bit for bit, in the same dtypes.
func TestDerivedOfNothing(t *testing.T) {
	tensors := 0
	for _, f := range familyCases() {
		m := f.open(t, 3)
		dir := filepath.Join(t.TempDir(), "same")
		d := Derived{Config: m.Config(), From: func(name string) string { return name }, Read: m.Read}
		if err := SaveDerived(t.Context(), dir, m.Dense(), d, SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		same, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer same.Close()
		for _, s := range m.Config().storedTensors() {
			a, err := m.stored(s.Name)
			if err != nil {
				t.Fatal(err)
			}
			b, err := same.stored(s.Name)
			if err != nil {
				t.Fatal(err)
			}
			if string(a.data) != string(b.data) || a.dtype != b.dtype || !cmp.Equal(a.shape, b.shape) {
				t.Errorf("%s: tensor %s is not what it was", f.name, s.Name)
			}
			tensors++
		}
	}
	if tensors == 0 {
		t.Fatal("no tensor was compared")
	}
}

// What cannot be derived is an error, and leaves nothing behind.
func TestDerivedFails(t *testing.T) {
	m := familyCases()[0].open(t, 4)
	parent := t.TempDir()
	good := Derived{Config: m.Config(), From: func(name string) string { return name }, Read: m.Read}
	broken := errors.New("torn page")
	for want, spoil := range map[string]func(d *Derived){
		"torn page": func(d *Derived) {
			d.Read = func(name string, dst []float32) error {
				if strings.Contains(name, "layers.2") {
					return broken
				}
				return m.Read(name, dst)
			}
		},
		"no linear of":            func(d *Derived) { d.Forms = map[string]Form{"nowhere": &Dense{}} },
		"expected a form of size": func(d *Derived) { d.Forms = map[string]Form{m.Linears()[0].Name: &derivedForm{m.Read, m.Linears()[5]}} },
		"num_hidden_layers": func(d *Derived) {
			c := *m.Config()
			c.Layers = 0
			d.Config = &c
		},
	} {
		d := good
		spoil(&d)
		err := SaveDerived(t.Context(), filepath.Join(parent, "x"), m.Dense(), d, SaveOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected an error with %q, found %v", want, err)
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) != 0 {
			t.Errorf("%s: left behind %v, %v", want, left, err)
		}
	}
}
