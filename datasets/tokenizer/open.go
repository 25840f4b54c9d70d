package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// File names in a model's directory.
const (
	FileName       = "tokenizer.json"
	ConfigFileName = "tokenizer_config.json"

	modelFileName      = "tokenizer.model"
	vocabFileName      = "vocab.json"
	mergesFileName     = "merges.txt"
	addedFileName      = "added_tokens.json"
	specialFileName    = "special_tokens_map.json"
	chatFileName       = "chat_template.jinja"
	generationFileName = "generation_config.json"
	modelConfigName    = "config.json"
)

// companions are the files beside a vocabulary that say how the model's family uses it.
var companions = []string{ConfigFileName, addedFileName, specialFileName, chatFileName, generationFileName, modelConfigName}

// Open reads the tokenizer of a model's directory: tokenizer.json, else tokenizer.model (SentencePiece), else vocab.json with
// merges.txt (GPT-2), and what the files beside it say of special tokens and chat templates. The path of one of these files
// opens that vocabulary alone, without what lies beside it. An error names the file and the field.
func Open(path string) (*Tokenizer, error) {
	t, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

func open(path string) (*Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		t := newTokenizer()
		if err := t.readVocabulary(filepath.Dir(path), filepath.Base(path)); err != nil {
			return nil, err
		}
		return t, t.configure(nil)
	}
	beside, err := readCompanions(path)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{FileName, modelFileName, vocabFileName} {
		if _, err := os.Stat(filepath.Join(path, name)); errors.Is(err, os.ErrNotExist) {
			continue
		}
		t := newTokenizer()
		if err := t.readVocabulary(path, name); err != nil {
			return nil, err
		}
		if err := t.configure(beside); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return t, nil
	}
	return nil, fmt.Errorf("%s: no such file, nor %s, nor %s with %s: a model's directory holds one of these",
		filepath.Join(path, FileName), modelFileName, vocabFileName, mergesFileName)
}

// readVocabulary reads the file that holds the vocabulary, by its name.
func (t *Tokenizer) readVocabulary(dir, name string) error {
	path := filepath.Join(dir, name)
	raw, err := readFile(path)
	if err != nil {
		return err
	}
	switch {
	case bytes.HasPrefix(raw, []byte("version https://git-lfs")):
		err = errors.New("expected a vocabulary, found a Git LFS pointer; fetch the file itself with `git lfs pull`")
	case isSPM(name) && tiktokenLine.Match(raw):
		err = fmt.Errorf("expected a SentencePiece model, found tokens in tiktoken's format, which is not supported; take a copy of the model with a %s", FileName)
	case isSPM(name):
		err = t.readSPM(raw)
	case name == vocabFileName:
		var merges []byte
		if merges, err = readFile(filepath.Join(dir, mergesFileName)); err != nil {
			return err
		}
		err = t.readPair(raw, merges)
	case strings.HasSuffix(name, ".json"):
		err = t.readJSON(raw)
	default:
		err = fmt.Errorf("expected %s, a .model file or %s", FileName, vocabFileName)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// tiktokenLine is how tiktoken's files begin, and the tokenizer.model of GLM-4: a token in base64 and its rank.
var tiktokenLine = regexp.MustCompile(`^[A-Za-z0-9+/]+=* [0-9]+\n`)

func readCompanions(dir string) (map[string][]byte, error) {
	found := make(map[string][]byte)
	for _, name := range companions {
		raw, err := readFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		found[name] = raw
	}
	return found, nil
}

// maxFile bounds what is read into memory. The largest tokenizer.json in use has about 35 MB.
const maxFile = 512 << 20

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: expected a file, found a directory or device", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: expected at most %d bytes, found %d", path, maxFile, info.Size())
	}
	return os.ReadFile(path)
}
