package tokenizer

import (
	"encoding/binary"
	"encoding/json"
	"maps"
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
	keys := slices.Sorted(maps.Keys(replacements))
	b := charsmapBuilder{values: make(map[string]uint32), units: make([]uint32, 1<<14), used: make([]bool, 1<<14)}
	var texts []byte
	for _, k := range keys {
		b.values[k] = uint32(len(texts))
		texts = append(append(texts, replacements[k]...), 0)
	}
	b.used[0] = true
	b.place(0, keys, 0)
	raw := binary.LittleEndian.AppendUint32(nil, uint32(4*len(b.units)))
	for _, u := range b.units {
		raw = binary.LittleEndian.AppendUint32(raw, u)
	}
	return append(raw, texts...)
}

type charsmapBuilder struct {
	values map[string]uint32
	units  []uint32
	used   []bool
}

// place finds places for the children of node, which the keys, alike up to depth, lead on to. The child 0 holds the value of the
// key that ends there.
func (b *charsmapBuilder) place(node uint32, keys []string, depth int) {
	below := make(map[byte][]string)
	for _, k := range keys {
		c := byte(0)
		if len(k) > depth {
			c = k[depth]
		}
		below[c] = append(below[c], k)
	}
	labels := slices.Sorted(maps.Keys(below))
	offset := uint32(1)
	for slices.ContainsFunc(labels, func(c byte) bool { return b.used[node^offset^uint32(c)] }) {
		offset++
	}
	b.units[node] |= offset << 10
	base := node ^ offset
	for _, c := range labels {
		b.used[base^uint32(c)] = true
	}
	for _, c := range labels {
		if c == 0 {
			b.units[node] |= 1 << 8
			b.units[base] = b.values[below[c][0]] | 1<<31
			continue
		}
		b.units[base^uint32(c)] = uint32(c)
		b.place(base^uint32(c), below[c], depth+1)
	}
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
