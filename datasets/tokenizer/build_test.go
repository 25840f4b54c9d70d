package tokenizer

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

type object = map[string]any

// buildCharsmap compiles replacements as SentencePiece does: a double array, then the texts.
func buildCharsmap(replacements map[string]string) []byte {
	keys := make([]string, 0, len(replacements))
	for k := range replacements {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var texts []byte
	values := make(map[string]uint32)
	for _, k := range keys {
		values[k] = uint32(len(texts))
		texts = append(append(texts, replacements[k]...), 0)
	}
	units := make([]uint32, 1<<14)
	used := make([]bool, len(units))
	used[0] = true
	var place func(node uint32, keys []string, depth int)
	place = func(node uint32, keys []string, depth int) {
		var labels []byte // with 0 for a key that ends here
		for _, k := range keys {
			c := byte(0)
			if len(k) > depth {
				c = k[depth]
			}
			if len(labels) == 0 || labels[len(labels)-1] != c {
				labels = append(labels, c)
			}
		}
		offset := uint32(1)
		for slices.ContainsFunc(labels, func(c byte) bool { return used[node^offset^uint32(c)] }) {
			offset++
		}
		units[node] |= offset << 10
		base := node ^ offset
		for _, c := range labels {
			used[base^uint32(c)] = true
		}
		for _, c := range labels {
			if c == 0 {
				units[node] |= 1 << 8
				units[base] = values[keys[0]] | 1<<31
				continue
			}
			var below []string
			for _, k := range keys {
				if len(k) > depth && k[depth] == c {
					below = append(below, k)
				}
			}
			units[base^uint32(c)] = uint32(c)
			place(base^uint32(c), below, depth+1)
		}
	}
	place(0, keys, 0)
	raw := binary.LittleEndian.AppendUint32(nil, uint32(4*len(units)))
	for _, u := range units {
		raw = binary.LittleEndian.AppendUint32(raw, u)
	}
	return append(raw, texts...)
}

// spmOptions is what buildSPM writes beside the pieces. The zero value leaves SentencePiece's own defaults.
type spmOptions struct {
	modelType    uint64
	byteFallback bool
	charsmap     []byte
	noPrefix     bool // add_dummy_prefix false
	keepSpaces   bool // remove_extra_whitespaces false
	spaceAtEnd   bool
}

// buildSPM writes a SentencePiece model file.
func buildSPM(pieces []spmPiece, o spmOptions) []byte {
	message := func(dst []byte, number protowire.Number, body []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(dst, number, protowire.BytesType), body)
	}
	varint := func(dst []byte, number protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(dst, number, protowire.VarintType), v)
	}
	boolean := map[bool]uint64{true: 1}
	var raw []byte
	for _, p := range pieces {
		body := message(nil, 1, []byte(p.text))
		body = protowire.AppendFixed32(protowire.AppendTag(body, 2, protowire.Fixed32Type), math.Float32bits(p.score))
		if p.kind > pieceNormal {
			body = varint(body, 3, uint64(p.kind))
		}
		raw = message(raw, 1, body)
	}
	trainer := varint(nil, 3, o.modelType)
	trainer = varint(trainer, 24, boolean[o.spaceAtEnd])
	raw = message(raw, 2, varint(trainer, 35, boolean[o.byteFallback]))
	normal := varint(message(nil, 2, o.charsmap), 3, boolean[!o.noPrefix])
	return message(raw, 3, varint(normal, 4, boolean[!o.keepSpaces]))
}

// basePieces are <unk>, <s> and </s>, with the 256 bytes where bytes is set.
func basePieces(bytes bool) []spmPiece {
	pieces := []spmPiece{{"<unk>", 0, pieceUnknown}, {"<s>", 0, pieceControl}, {"</s>", 0, pieceControl}}
	for b := 0; bytes && b < 256; b++ {
		pieces = append(pieces, spmPiece{byteSpelling(b), 0, pieceByte})
	}
	return pieces
}

func byteSpelling(b int) string {
	const digits = "0123456789ABCDEF"
	return "<0x" + string(digits[b>>4]) + string(digits[b&15]) + ">"
}

func openSPM(t testing.TB, raw []byte, beside object) *Tokenizer {
	t.Helper()
	dir := t.TempDir()
	writeTest(t, dir, modelFileName, raw)
	for name, content := range beside {
		writeTest(t, dir, name, content)
	}
	return reopen(t, dir)
}

// writeTest writes bytes, a string or anything else as JSON.
func writeTest(t testing.TB, dir, name string, content any) {
	t.Helper()
	var raw []byte
	switch c := content.(type) {
	case []byte:
		raw = c
	case string:
		raw = []byte(c)
	default:
		var err error
		if raw, err = json.Marshal(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

func toJSON(t testing.TB, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
