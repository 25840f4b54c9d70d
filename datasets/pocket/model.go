package pocket

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/parelab/pare/internal/durable"
)

// files is the folder model/: a Hugging Face directory of the trained model.
//
//go:embed model
var files embed.FS

// MaxPositions is the longest sequence that the model's configuration allows.
const MaxPositions = 512

// weightsFile is the part of model/ that training makes.
const weightsFile = "model.safetensors"

// ErrNoWeights is the error of [Dir] in a program that was built before the model was trained.
var ErrNoWeights = errors.New("pocket: this program was built without the trained weights: " +
	"make them with 'pare model train pocket', put model.safetensors into datasets/pocket/model and build again")

// TokenizerJSON returns the embedded tokenizer.json.
func TokenizerJSON() []byte { return embedded("tokenizer.json") }

// ConfigJSON returns the embedded config.json.
func ConfigJSON() []byte { return embedded("config.json") }

// HasWeights tells whether the program holds the trained weights.
func HasWeights() bool {
	_, err := fs.Stat(files, "model/"+weightsFile)
	return err == nil
}

// Dir returns a directory with the embedded model, unpacked into the user's cache directory under a name made from its
// contents. Each call checks every byte; a file that is missing or damaged is put there again, complete or not at all, so that
// programs may call Dir at the same time.
func Dir() (string, error) {
	if !HasWeights() {
		return "", ErrNoWeights
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("pocket: no cache directory to unpack the model into: %w", err)
	}
	dir := filepath.Join(cache, "pare", "pocket-"+Digest()[:16])
	return dir, Unpack(dir)
}

// Unpack writes the files of the embedded model into dir, making it where it is missing. Files that are right already are
// not written.
func Unpack(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("pocket: unpack the model: %w", err)
	}
	for _, name := range fileNames() {
		path, want := filepath.Join(dir, name), embedded(name)
		if found, err := os.ReadFile(path); err == nil && bytes.Equal(found, want) {
			continue
		}
		if err := durable.WriteFile(path, want); err != nil {
			return fmt.Errorf("pocket: unpack the model: %w", err)
		}
	}
	return nil
}

// Digest returns the SHA-256, in hexadecimal, of the embedded model: names and contents of its files.
var Digest = sync.OnceValue(func() string {
	h := sha256.New()
	for _, name := range fileNames() {
		fmt.Fprintf(h, "%s %d\n", name, len(embedded(name)))
		h.Write(embedded(name))
	}
	return hex.EncodeToString(h.Sum(nil))
})

// fileNames lists the embedded files in order.
func fileNames() []string {
	entries, err := files.ReadDir("model")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// embedded returns one of the embedded files. The names are this package's own.
func embedded(name string) []byte {
	data, err := files.ReadFile("model/" + name)
	if err != nil {
		panic(err)
	}
	return data
}
