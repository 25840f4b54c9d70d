package transformer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Digest returns a sha256, in hex, that names the model by what it computes: its configuration and its tensors, each with name,
// dtype, shape and bytes. How the tensors are spread over files, the order of keys and unused buffers do not count.
//
// It reads every byte, about a second for each gigabyte, once in the life of a Model.
func (m *Model) Digest() (string, error) {
	m.digestOnce.Do(func() { m.digest, m.digestErr = m.computeDigest() })
	return m.digest, m.digestErr
}

func (m *Model) computeDigest() (string, error) {
	names := m.used()
	slices.Sort(names)
	sums := make([][32]byte, len(names))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		group.Go(func() error {
			t, err := m.stored(name)
			sums[i] = sha256.Sum256(t.data)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	h := sha256.New()
	config, err := m.config.JSON()
	if err != nil {
		return "", err
	}
	fmt.Fprintf(h, "pare model 1\n%d\n%s", len(config), config)
	for i, name := range names {
		t := m.tensors[m.spell(name)]
		fmt.Fprintf(h, "%q %s %v %x\n", name, t.dtype, t.shape, sums[i])
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
