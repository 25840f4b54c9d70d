package lab

import (
	"fmt"
	"strings"

	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
)

// Info is what there is to know of a model without running it.
type Info struct {
	Name         string `json:"name"`
	Dir          string `json:"dir"`
	Architecture string `json:"architecture"`
	Layers       int    `json:"layers"`
	HiddenSize   int    `json:"hidden_size"`
	Heads        int    `json:"heads"`
	KVHeads      int    `json:"kv_heads"`
	MLPSize      int    `json:"mlp_size"`
	Vocabulary   int    `json:"vocabulary"`
	MaxPositions int    `json:"max_positions"`
	Params       int64  `json:"params"`
	LinearParams int64  `json:"linear_params"` // in decoder linears, what compression works on
	DType        string `json:"dtype"`         // of most of the parameters, as they lie in the files
	Bytes        int64  `json:"bytes"`         // of the parameters in the files
	Digest       string `json:"digest"`

	// DTypes are all that occur in the files, the one of most parameters first.
	DTypes []string `json:"dtypes"`
	// Unused are tensors of the files that the model passes over.
	Unused []string `json:"unused"`

	// Linears are what compression works on, by kind, in forward order.
	Linears []KindInfo `json:"linears"`

	// Shapes are those of each layer of a pruned model whose layers differ; heads and MLP size above are then those before pruning.
	Shapes []transformer.Shape `json:"shapes,omitempty"`

	Tokenizer *TokenizerInfo `json:"tokenizer"` // null where none can be read
	// NoTokenizer says why there is none.
	NoTokenizer string `json:"no_tokenizer,omitempty"`
}

// KindInfo adds up the linears of one kind over all layers.
type KindInfo struct {
	Kind   transformer.Kind `json:"kind"`
	Count  int              `json:"count"`
	Out    int              `json:"out"` // the largest, where layers differ
	In     int              `json:"in"`
	Params int64            `json:"params"` // of whole matrices, also where the model holds factors
	Site   transformer.Site `json:"site"`   // the input that it reads

	Held     int64 `json:"held_params"` // as the model holds them
	Factored int   `json:"factored"`    // how many of them it holds as factors
	Ranks    []int `json:"ranks"`       // of these, the least and the most; empty where there are none

	differ bool // in size, from layer to layer
}

// Info describes the model.
func (m *Model) Info() (Info, error) {
	c, v := m.Config(), m.Dense()
	digest, err := m.Digest()
	files := m.Storage()
	info := Info{
		Name: m.Name, Dir: m.Dir(), Architecture: c.ModelType, Layers: c.Layers, HiddenSize: c.HiddenSize, Heads: c.Heads,
		KVHeads: c.KVHeads, MLPSize: c.IntermediateSize, Vocabulary: c.VocabSize, MaxPositions: c.Longest(), Shapes: c.Shapes,
		Params: m.Params(), LinearParams: v.LinearParams(), Digest: digest, Linears: m.kinds(),
		DType: files.DTypes[0], DTypes: files.DTypes, Bytes: files.Bytes, Unused: append([]string{}, files.Unused...),
	}
	if m.Tokenizer != nil {
		info.Tokenizer = describeTokenizer(m.Tokenizer)
	} else {
		info.NoTokenizer = m.noTokenizer.Error()
	}
	return info, err
}

// kinds adds up the model's linears.
func (m *Model) kinds() (all []KindInfo) {
	at, v := map[transformer.Kind]int{}, m.Dense()
	held := prune.Holdings(v)
	for _, l := range m.Model.Linears() {
		if _, known := at[l.Kind]; !known {
			at[l.Kind] = len(all)
			all = append(all, KindInfo{Kind: l.Kind, Site: l.Kind.Site(), Out: l.Out, In: l.In, Ranks: []int{}})
		}
		k := &all[at[l.Kind]]
		k.Count++
		k.differ = k.differ || k.Out != l.Out || k.In != l.In
		k.Out, k.In = max(k.Out, l.Out), max(k.In, l.In)
		k.Params += l.Params()
		k.Held += v.Held(l).Params()
		if h, factored := held[l.Name]; factored {
			k.factors(h.Rank)
		}
	}
	return all
}

// factors counts a linear that is held as factors.
func (k *KindInfo) factors(rank int) {
	if k.Factored++; k.Factored == 1 {
		k.Ranks = []int{rank, rank}
	}
	k.Ranks = []int{min(k.Ranks[0], rank), max(k.Ranks[1], rank)}
}

// String says how many there are of which size, and what is held as factors.
func (k KindInfo) String() string {
	size := fmt.Sprintf("%d × %d×%d", k.Count, k.Out, k.In)
	if k.differ {
		size = fmt.Sprintf("%d × up to %d×%d", k.Count, k.Out, k.In)
	}
	switch {
	case k.Factored == 0:
		return size
	case k.Factored < k.Count:
		size += fmt.Sprintf(", %d", k.Factored)
	}
	if k.Ranks[0] == k.Ranks[1] {
		return fmt.Sprintf("%s as factors of rank %d", size, k.Ranks[0])
	}
	return fmt.Sprintf("%s as factors of rank %d to %d", size, k.Ranks[0], k.Ranks[1])
}

// Facts lays the description out for people.
func (i Info) Facts() show.Fragment {
	items := []show.Fact{
		{Name: "architecture", Value: fmt.Sprintf("%s, %d layers", i.Architecture, i.Layers)},
		{Name: "hidden size", Value: i.HiddenSize},
		{Name: "heads", Value: fmt.Sprintf("%s for queries, %s for keys and values",
			i.over(i.Heads, func(s transformer.Shape) int { return s.Heads }), i.over(i.KVHeads, func(s transformer.Shape) int { return s.KVHeads }))},
		{Name: "MLP size", Value: i.over(i.MLPSize, func(s transformer.Shape) int { return s.MLP })},
		{Name: "vocabulary", Value: i.Vocabulary, Unit: "tokens"},
		{Name: "longest sequence", Value: i.MaxPositions, Unit: "tokens"},
		{Name: "parameters", Value: i.Params, Format: show.Integer},
		{Name: "of these in decoder linears", Value: i.LinearParams, Format: show.Integer},
	}
	for _, k := range i.Linears {
		items = append(items, show.Fact{Name: "  " + string(k.Kind), Value: fmt.Sprintf("%s, %.1f%%", k, 100*i.share(k))})
	}
	items = append(items, show.Fact{Name: "stored as", Value: fmt.Sprintf("%s, %.1f MB", strings.Join(i.DTypes, " and "), float64(i.Bytes)/1e6)})
	if n := len(i.Unused); n > 0 {
		items = append(items, show.Fact{Name: "passed over", Value: fmt.Sprintf("%d of the files' tensors, such as %s", n, i.Unused[0])})
	}
	items = append(items, show.Fact{Name: "digest", Value: i.Digest}, show.Fact{Name: "directory", Value: i.Dir})
	return show.Facts{Title: "Model " + i.Name, Items: append(items, i.tokenizerFacts()...)}
}

// share is the part of the whole matrices' parameters that linears of one kind have.
func (i Info) share(k KindInfo) float64 {
	var all int64
	for _, k := range i.Linears {
		all += k.Params
	}
	return float64(k.Params) / float64(all)
}

func (i Info) tokenizerFacts() []show.Fact {
	if i.Tokenizer == nil {
		return []show.Fact{{Name: "tokenizer", Value: "none: " + i.NoTokenizer}}
	}
	return i.Tokenizer.facts()
}

// over is a size of a layer, as a range where layers differ.
func (i Info) over(all int, of func(transformer.Shape) int) string {
	if i.Shapes == nil {
		return fmt.Sprint(all)
	}
	least, most := of(i.Shapes[0]), 0
	for _, s := range i.Shapes {
		least, most = min(least, of(s)), max(most, of(s))
	}
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}
