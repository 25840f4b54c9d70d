package prune

import "github.com/parelab/pare/gomlxops/transformer"

// Shapes returns the sizes of every layer of a model of configuration c after cutting by o in one step, for a Scope of Local: which units go depends
// on scores, how many does not. Impossible options are errors.
func (o Options) Shapes(c *transformer.Config) ([]transformer.Shape, error) {
	o.Scope = Local
	var s Scores
	for l := range c.Layers {
		units, _ := Units(c, l)
		s.Heads, s.Channels = append(s.Heads, make([]float64, units)), append(s.Channels, make([]float64, c.Shape(l).MLP))
	}
	plan, err := o.Plan(c, s)
	if err != nil {
		return nil, err
	}
	small, err := plan.Config(c)
	if err != nil {
		return nil, err
	}
	var all []transformer.Shape
	for l := range small.Layers {
		all = append(all, small.Shape(l))
	}
	return all, nil
}

// Params counts the numbers of a dense model of configuration c: a tied head once.
func Params(c *transformer.Config) int64 {
	var n int64
	for _, t := range c.TensorShapes() {
		n += int64(t.Elements())
	}
	return n
}
