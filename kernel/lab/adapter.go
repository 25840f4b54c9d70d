package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parelab/pare/gomlxops/recovery"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Beside returns the model with the adapter of a directory beside it, PEFT's or ours; "" is the model as it is. It moves no weight. An adapter that was made
// for another model is an error that says what disagrees.
func (m *Model) Beside(adapter string) (*transformer.Variant, error) {
	return m.adapted(adapter, (*recovery.Adapter).Apply)
}

// Merged returns the model with the adapter of a directory worked into its weights; "" is the model as it is.
func (m *Model) Merged(adapter string) (*transformer.Variant, error) {
	return m.adapted(adapter, (*recovery.Adapter).Merge)
}

func (m *Model) adapted(adapter string, how func(*recovery.Adapter, *transformer.Variant) (*transformer.Variant, error)) (*transformer.Variant, error) {
	if adapter == "" {
		return m.Dense(), nil
	}
	a, err := recovery.LoadAdapter(adapter, m.Dense())
	if err != nil {
		return nil, err
	}
	return how(a, m.Dense())
}

// noAdapter says so where what was named as a model is an adapter.
func noAdapter(dir string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, there := os.Stat(filepath.Join(dir, recovery.AdapterConfig)); there == nil {
		return fmt.Errorf("%s is an adapter: expected the model that it stands beside, and the adapter by itself (--adapter, Model.Beside): %w", dir, err)
	}
	return err
}
