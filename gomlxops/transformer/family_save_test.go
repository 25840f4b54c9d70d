package transformer

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// fusedModels hold several linears in one tensor, or matrices transposed.
var fusedModels = []string{"gpt2", "gpt2_hubnames", "chatglm"}

func tensorsIn(t *testing.T, m *Model) map[string]oracle.Array {
	return oracle.ReadTensors(t, filepath.Join(m.Dir(), weightsName))
}

// A dense model is saved as its family's checkpoints are, by the names that it came with; buffers are left behind.
func TestSaveKeepsTheFamilysLayout(t *testing.T) {
	digests := map[string]string{}
	for _, name := range fusedModels {
		m := openOracle(t, name)
		again := saveAndOpen(t, m.Dense(), SaveOptions{})
		before, after := tensorsIn(t, m), tensorsIn(t, again)
		for tensor, want := range before {
			buffer := strings.HasSuffix(tensor, "inv_freq") || strings.HasSuffix(tensor, ".attn.bias")
			if got, ok := after[tensor]; ok == buffer || ok && (!slices.Equal(got.Shape, want.Shape) || !slices.Equal(got.Data, want.Data)) {
				t.Errorf("%s: tensor %s changed, or is there and should not be", name, tensor)
			}
		}
		if len(after) < 15 || len(after) > len(before) {
			t.Errorf("%s: %d tensors saved of %d", name, len(after), len(before))
		}
		d1, _ := m.Digest()
		if d2, err := again.Digest(); d1 != d2 || err != nil {
			t.Errorf("%s: digest %s became %s, %v", name, d1, d2, err)
		}
		digests[name] = d1
	}
	if digests["gpt2"] != digests["gpt2_hubnames"] {
		t.Error("the same model by other names has another digest")
	}
}

// Logical tensors are the right parts of what is stored: rows of a shared matrix, or its columns where it lies transposed.
func TestLogicalTensors(t *testing.T) {
	for _, name := range fusedModels {
		m := openOracle(t, name)
		c, stored, compared := m.Config(), tensorsIn(t, m), 0
		for l := range c.Layers {
			for _, s := range c.storedLinears(l, []Kind{Query, Key, Value}) {
				whole := stored[m.spell(s.Name)]
				row := 0
				for _, p := range s.parts {
					got, shape, err := m.Float32(p.Name)
					if err != nil || !slices.Equal(shape, p.Shape) {
						t.Fatalf("%s: %s has shape %v, want %v: %v", name, p.Name, shape, p.Shape, err)
					}
					width := len(got) / shape[0]
					for i := range got {
						at := row*width + i
						if s.transposed {
							at = i%width*whole.Shape[1] + row + i/width
						}
						if float64(got[i]) != whole.Data[at] {
							t.Fatalf("%s: %s[%d] is %v, stored %v", name, p.Name, i, got[i], whole.Data[at])
						}
						compared++
					}
					row += shape[0]
				}
				if row != max(whole.Shape[0], whole.Shape[len(whole.Shape)-1]*map[bool]int{true: 1}[s.transposed]) {
					t.Errorf("%s: %d rows of %s seen, it is %v", name, row, s.Name, whole.Shape)
				}
			}
		}
		if compared == 0 {
			t.Errorf("%s: compared nothing", name)
		}
	}
}

// What is assembled from logical tensors is what they were taken from.
func TestSaveTensorsAssembles(t *testing.T) {
	for _, name := range fusedModels {
		m := openOracle(t, name)
		weights := map[string][]float32{}
		for _, s := range m.Config().TensorShapes() {
			weights[s.Name], _, _ = m.Float32(s.Name)
		}
		after, compared := tensorsIn(t, saveTensorsAndOpen(t, m.Config(), weights)), 0
		for tensor, want := range tensorsIn(t, m) {
			if !strings.HasPrefix(tensor, "transformer.") {
				tensor = "transformer." + tensor
			}
			if got, ok := after[tensor]; ok && slices.Equal(got.Data, want.Data) && slices.Equal(got.Shape, want.Shape) {
				compared++
			}
		}
		if compared != len(after) {
			t.Errorf("%s: %d of %d tensors are as they were", name, compared, len(after))
		}
	}
}

// Factors for one of the linears in a tensor: the others are saved by themselves, exactly, and what has nothing to do with it as it was.
func TestSaveFactoredPart(t *testing.T) {
	for _, name := range fusedModels {
		base := saveAndOpen(t, openOracle(t, name).Dense(), SaveOptions{DType: "BF16"})
		l, down := base.Linears()[0], base.Linears()[len(base.Linears())-1]
		v, err := base.With(map[string]Form{l.Name: factoredFor(l, 3, true), down.Name: factoredFor(down, 4, false)})
		if err != nil {
			t.Fatal(err)
		}
		again := saveAndOpen(t, v, SaveOptions{})
		twice := saveAndOpen(t, again.Dense(), SaveOptions{})
		d1, _ := again.Digest()
		if d2, err := twice.Digest(); d1 != d2 || err != nil {
			t.Errorf("%s: saving twice changed the digest, %v", name, err)
		}
		for _, s := range base.Config().TensorShapes() {
			if strings.HasPrefix(s.Name, l.Name+".") || strings.HasPrefix(s.Name, down.Name+".") {
				continue
			}
			want, _, _ := base.Float32(s.Name)
			if got, _, err := again.Float32(s.Name); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %s changed: %v", name, s.Name, err)
			}
		}
		names := slices.Sorted(maps.Keys(tensorHeaders(again)))
		whole, apart := again.spell(base.config.storedLinears(0, []Kind{Query, Key, Value})[0].Name), again.spell(l.Name+".A.weight")
		if slices.Contains(names, whole) || !slices.Contains(names, apart) {
			t.Errorf("%s: the files hold %s or lack %s: %v", name, whole, apart, names)
		}
		if again.Params() != v.Params() || again.Dense().LinearParams() != v.LinearParams() {
			t.Errorf("%s: %d parameters saved, %d read back", name, v.Params(), again.Params())
		}
		sameLogits(t, name, v, saveAndOpen(t, v, SaveOptions{DType: "F32"}))
		text := string(readFile(t, filepath.Join(again.Dir(), "config.json")))
		k := base.Linears()[1].Name
		broken := strings.Replace(text, `"`+k+`"`, `"`+base.Linears()[3].Name+`"`, 1)
		if err := os.WriteFile(filepath.Join(again.Dir(), "config.json"), []byte(broken), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(again.Dir()); broken == text || err == nil || !strings.Contains(err.Error(), "pare") {
			t.Errorf("%s: half of a tensor is listed: %v", name, err)
		}
	}
}

func tensorHeaders(m *Model) map[string]tensor { return m.tensors }

// Plain matrices in the place of some linears are saved in the family's layout; one that lacks the family's bias is not.
func TestSaveDenseForms(t *testing.T) {
	for _, name := range fusedModels {
		m := openOracle(t, name)
		rng := rand.New(rand.NewPCG(1, 12))
		forms := map[string]Form{}
		for i, l := range m.Linears() {
			if i%2 == 0 {
				d := &Dense{Out: l.Out, In: l.In, W: gauss(rng, l.Out*l.In)}
				if l.Bias {
					d.Bias = gauss(rng, l.Out)
				}
				forms[l.Name] = d
			}
		}
		v, err := m.With(forms)
		if err != nil {
			t.Fatal(err)
		}
		again := saveAndOpen(t, v, SaveOptions{})
		if len(again.config.forms) != 0 || again.Params() != m.Params() {
			t.Errorf("%s: plain matrices are saved as %v", name, again.config.forms)
		}
		sameLogits(t, name, v, again)
		l := m.Linears()[0]
		without := &Dense{Out: l.Out, In: l.In, W: gauss(rng, l.Out*l.In)}
		if v, err = m.With(map[string]Form{l.Name: without}); err != nil {
			t.Fatal(err)
		}
		if v.Params() != m.Params()-int64(l.Out) {
			t.Errorf("%s: %d parameters without a bias of %d, %d with it", name, v.Params(), l.Out, m.Params())
		}
		if again = saveAndOpen(t, v, SaveOptions{}); len(again.config.forms) != 3 {
			t.Errorf("%s: %d linears listed, want the 3 of one tensor", name, len(again.config.forms))
		}
		sameLogits(t, name, v, again)
	}
}

func sameLogits(t *testing.T, name string, v *Variant, again *Model) {
	t.Helper()
	sequences := oracleTokens(t, name, "forward")
	want, err := v.Logits(t.Context(), sequences)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Dense().Logits(t.Context(), sequences); err != nil || !slices.Equal(want, got) {
		t.Errorf("%s: what was saved gives other logits, %v", name, err)
	}
}

// A number that is not finite is named by its place in the file, also in a part of a tensor that lies transposed.
func TestNonFiniteInPart(t *testing.T) {
	for _, c := range []struct{ name, linear string }{{"gpt2", "transformer.h.1.attn.c_attn.k_proj.weight"}, {"chatglm", "transformer.encoder.layers.1.mlp.dense_h_to_4h.up_proj.weight"}} {
		m := openOracle(t, c.name)
		p := m.places[c.linear]
		whole, err := m.stored(p.stored)
		if err != nil {
			t.Fatal(err)
		}
		at := p.at*whole.shape[1] + 5 // the sixth number of the part's first row
		if p.turned {
			at = 5*whole.shape[1] + p.at // and of its first column
		}
		damaged := whole
		damaged.data = slices.Clone(whole.data)
		copy(damaged.data[4*at:], []byte{0, 0, 0x80, 0x7f})
		m.tensors[p.stored] = damaged
		want := "index " + string(mustJSON(at))
		for _, err := range []error{m.Verify(t.Context(), nil), func() error { _, _, err := m.Float32(c.linear); return err }()} {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), p.stored) {
				t.Errorf("%s: %v, want %s of %s", c.name, err, want, p.stored)
			}
		}
	}
}
