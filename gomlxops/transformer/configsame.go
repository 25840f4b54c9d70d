package transformer

import (
	"fmt"
	"slices"
)

// checkSaid refuses to write a configuration that was put together by hand and that its family's config.json cannot say: text, which is
// c's JSON, must read back as c. What it would lose is no longer there for anyone to notice.
func (c *Config) checkSaid(text []byte) error {
	again, err := ParseConfig(text)
	if err != nil {
		return fmt.Errorf("the configuration cannot be read back: %w", err)
	}
	for _, part := range []struct {
		name        string
		want, found any
	}{
		{"Block", c.plainBlock(), again.plainBlock()},
		{"Positions", c.plainPositions(), again.plainPositions()},
		{"sizes", c.plainSizes(), again.plainSizes()},
	} {
		if want, found := fmt.Sprint(part.want), fmt.Sprint(part.found); want != found {
			return fmt.Errorf("%s: a config.json of model_type %q cannot say %s, it would be read back as %s", part.name, c.ModelType, want, found)
		}
	}
	return nil
}

// plainBlock is the block with nothing left to be filled in.
func (c *Config) plainBlock() any {
	b := c.Block
	b.Activation = c.activation()
	b.Biases = slices.DeleteFunc(slices.Clone(c.Kinds()), func(k Kind) bool { return !c.hasBias(k) })
	return b
}

func (c *Config) plainPositions() any {
	p := c.Positions
	p.Channels, p.Windows = c.turned(), make([]int, c.Layers)
	for l := range p.Windows {
		p.Windows[l] = c.window(l, mostPositions+1)
	}
	if p.Learned {
		return p
	}
	return []any{p, c.RopeTheta}
}

func (c *Config) plainSizes() any {
	all := []any{c.VocabSize, c.HiddenSize, c.Layers, c.HeadDim, c.MaxPositions, c.NormEps, c.TieEmbeddings}
	for l := range c.Layers {
		all = append(all, c.Shape(l))
	}
	return all
}
