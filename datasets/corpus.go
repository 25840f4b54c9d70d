package datasets

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/parelab/pare/datasets/records"
)

// Document is one text, with the name of the file that it came from.
type Document struct{ Name, Text string }

// Corpus is a list of documents. Digest identifies what was read: the SHA-256, in hexadecimal, over names, lengths and texts.
type Corpus struct {
	Name      string
	Documents []Document
	Digest    string
}

// New makes a corpus of documents and computes its digest. A document without text is an error, and so is text that is not
// UTF-8.
func New(name string, documents []Document) (*Corpus, error) {
	if len(documents) == 0 {
		return nil, fmt.Errorf("datasets: %s: expected documents, found none", name)
	}
	h := sha256.New()
	for _, d := range documents {
		if err := d.check(); err != nil {
			return nil, fmt.Errorf("datasets: %w", err)
		}
		fmt.Fprintf(h, "%s\n%d\n%s", filepath.Base(d.Name), len(d.Text), d.Text)
	}
	return &Corpus{Name: name, Documents: documents, Digest: hex.EncodeToString(h.Sum(nil))}, nil
}

// check refuses what cannot be tokenized as text.
func (d *Document) check() error {
	if strings.TrimSpace(d.Text) == "" {
		return fmt.Errorf("%s: expected text, found %d bytes of white space", d.Name, len(d.Text))
	}
	if !utf8.ValidString(d.Text) {
		at := invalidAt(d.Text)
		return fmt.Errorf("%s: not UTF-8: byte 0x%02x at offset %d; convert the file, for instance with iconv -t UTF-8", d.Name, d.Text[at], at)
	}
	return nil
}

// invalidAt returns the offset of the first byte that is not UTF-8.
func invalidAt(text string) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(text)
}

// byteOrderMark begins some UTF-8 files; it is not text.
const byteOrderMark = "\uFEFF"

// Read reads a file, or the files of a directory whose names end in .txt, in the order of their names; a directory without these is a data set,
// of which it reads the training part, or all where there are no parts. Line ends of texts become "\n" and a byte order mark is dropped; they are
// otherwise as in the files. A file of rows, which [records.IsData] knows by its name, is the texts of its rows.
func Read(path string) (*Corpus, error) { return read(path, path, "") }

// read reads a part of what lies at a place.
func read(name, place, part string) (*Corpus, error) {
	files := []string{place}
	info, err := os.Stat(place)
	if err != nil {
		return nil, fmt.Errorf("datasets: %w", err)
	}
	if info.IsDir() {
		if files, err = textFiles(place); err == nil && (len(files) == 0 || part != "") {
			files, err = records.Files(place, part)
		}
	} else if part != "" {
		err = fmt.Errorf("%s is a file and has no part %q", place, part)
	}
	if err != nil {
		return nil, fmt.Errorf("datasets: %w", err)
	}
	return readFiles(name, files)
}

func readFiles(name string, files []string) (*Corpus, error) {
	documents := make([]Document, len(files))
	for i, f := range files {
		var err error
		if records.IsData(f) {
			documents[i], err = readRows(f)
		} else {
			documents[i], err = readText(f)
		}
		if err != nil {
			return nil, fmt.Errorf("datasets: %w", err)
		}
	}
	return New(name, documents)
}

func readText(path string) (Document, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Document{}, err
	}
	text := strings.TrimPrefix(string(raw), byteOrderMark)
	// The check comes before line ends change, so that an offset is that in the file.
	d := Document{Name: path, Text: text}
	if err := d.check(); err != nil {
		return Document{}, err
	}
	return Document{Name: path, Text: strings.ReplaceAll(text, "\r\n", "\n")}, nil
}

// textFiles lists the files of a directory whose names end in .txt.
func textFiles(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".txt") && !e.IsDir() {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	sort.Strings(files)
	return files, err
}

// Split cuts each document in two at the paragraph boundary (a line end where the document has no blank lines) nearest to
// fraction of its length; head gets the first parts, tail the rest. A document whose parts would not both hold text is an
// error.
func (c *Corpus) Split(fraction float64) (head, tail *Corpus, err error) {
	if !(fraction > 0 && fraction < 1) {
		return nil, nil, fmt.Errorf("datasets: split %s: expected a fraction between 0 and 1, found %g", c.Name, fraction)
	}
	var first, second []Document
	for _, d := range c.Documents {
		at := boundary(d.Text, int(fraction*float64(len(d.Text))))
		if at < 0 {
			return nil, nil, fmt.Errorf("datasets: split %s: %s has no two paragraphs or lines to divide", c.Name, d.Name)
		}
		first = append(first, Document{d.Name, strings.TrimRight(d.Text[:at], "\n")})
		second = append(second, Document{d.Name, strings.TrimLeft(d.Text[at:], "\n")})
	}
	percent := fmt.Sprintf("%.4g%%", 100*fraction)
	if head, err = New(c.Name+" first "+percent, first); err != nil {
		return nil, nil, err
	}
	tail, err = New(c.Name+" after "+percent, second)
	return head, tail, err
}

// boundary returns the offset of the paragraph end nearest to want that leaves text on both sides, -1 where there is none.
func boundary(text string, want int) int {
	for _, end := range []string{"\n\n", "\n"} {
		before := strings.LastIndex(text[:want], end)
		if before > 0 && strings.TrimSpace(text[:before]) == "" {
			before = -1
		}
		after := strings.Index(text[want:], end)
		if after >= 0 {
			after += want
		}
		if after >= 0 && (strings.TrimSpace(text[after:]) == "" || strings.TrimSpace(text[:after]) == "") {
			after = -1
		}
		switch {
		case before <= 0 && after < 0:
			continue
		case after < 0 || before > 0 && want-before <= after-want:
			return before
		}
		return after
	}
	return -1
}
