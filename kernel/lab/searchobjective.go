package lab

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Objective is what a [Search] makes small: a weighted sum, or a function of its own. The zero value is KL, which finds better allocations in as many
// trials than perplexity does, being less a matter of which blocks are measured; for the paper's sampler it is the paper's.
//
//	J = Perplexity · exp(L) + Loss · L + KL · D(dense‖variant) + ReverseKL · D(variant‖dense)
//
// with L the mean loss and D the mean divergences over the predictions of the search's blocks, in nats; see [evaluate.Teacher]. Bolaco's
// released code has Perplexity 1 and ReverseKL 4.1: 0.001 for the sum over 4,096 predictions. The other samplers are here to be compared with [bayesopt.Bayes],
// and so have its objective.
type Objective struct {
	Perplexity, Loss, KL, ReverseKL float64

	// TopK is how many outcomes of each of the dense model's predictions are kept; default evaluate.DefaultTopK.
	TopK int

	// Function measures a variant, less being better, instead of all that; it is called from several goroutines where there are several workers.
	// Name tells it from others: a search continues from trials of the same name.
	Function func(ctx context.Context, v *transformer.Variant) (float64, error)
	Name     string
}

// terms are the names of an objective's parts, as [ParseObjective] reads them.
var terms = []string{"perplexity", "loss", "kl", "reverse-kl"}

// ParseObjective reads "perplexity", "loss", "kl", "reverse-kl", or a sum of these with weights: "perplexity+4.1*reverse-kl". "" is what the search's sampler has by default.
func ParseObjective(text string) (o Objective, err error) {
	if text == "" {
		return o, nil
	}
	for part := range strings.SplitSeq(text, "+") {
		weight, name := 1.0, strings.TrimSpace(part)
		if head, tail, found := strings.Cut(name, "*"); found {
			if weight, err = strconv.ParseFloat(strings.TrimSpace(head), 64); err != nil {
				return o, fmt.Errorf("objective %q: expected a number before *, found %q", text, head)
			}
			name = strings.TrimSpace(tail)
		}
		at := slices.Index(terms, name)
		if at < 0 {
			return o, fmt.Errorf("objective %q: expected some of %q with weights, such as perplexity+4.1*reverse-kl, found %q", text, terms, name)
		}
		if w := o.weights()[at]; *w != 0 {
			return o, fmt.Errorf("objective %q: %s stands there twice", text, name)
		}
		*o.weights()[at] = weight
	}
	if o.String() == "" {
		return o, fmt.Errorf("objective %q: expected a weight above 0, found none", text)
	}
	return o, o.check()
}

func (o *Objective) weights() [4]*float64 {
	return [4]*float64{&o.Perplexity, &o.Loss, &o.KL, &o.ReverseKL}
}

func (o Objective) withDefaults(sampler bayesopt.Sampler) Objective {
	o.TopK = cmp.Or(o.TopK, evaluate.DefaultTopK)
	switch {
	case o.Perplexity != 0 || o.Loss != 0 || o.KL != 0 || o.ReverseKL != 0 || o.Function != nil:
	case sampler == bayesopt.Paper:
		o.Perplexity, o.ReverseKL = 1, papersReverse
	default:
		o.KL = 1
	}
	return o
}

// papersReverse is what Bolaco's divergence weighs; see [Objective].
const papersReverse = 4.1

func (o Objective) check() error {
	for i, w := range o.weights() {
		if !(*w >= 0) || math.IsInf(*w, 0) {
			return fmt.Errorf("objective: expected a finite weight of at least 0 for %s, found %v", terms[i], *w)
		}
	}
	if o.TopK < 0 {
		return fmt.Errorf("objective: expected at least one outcome to keep, found %d", o.TopK)
	}
	if (o.Function == nil) != (o.Name == "") {
		return fmt.Errorf("objective: expected a function and its name, or neither, found name %q", o.Name)
	}
	return nil
}

// String names the objective as ParseObjective reads it, or by its function's name; "" is the zero value.
func (o Objective) String() string {
	if o.Function != nil {
		return o.Name
	}
	var parts []string
	for i, w := range o.weights() {
		switch *w {
		case 0:
		case 1:
			parts = append(parts, terms[i])
		default:
			parts = append(parts, strconv.FormatFloat(*w, 'g', -1, 64)+"*"+terms[i])
		}
	}
	return strings.Join(parts, "+")
}

// needsTeacher says whether the dense model's predictions have a part in it.
func (o Objective) needsTeacher() bool { return o.Function == nil && (o.KL != 0 || o.ReverseKL != 0) }

// of is J of mean loss and divergences.
func (o Objective) of(loss, forward, reverse float64) float64 {
	j := o.Loss*loss + o.KL*forward + o.ReverseKL*reverse
	if o.Perplexity != 0 {
		j += o.Perplexity * math.Exp(loss)
	}
	return j
}

// each is what every block adds to J when perplexity is taken as linear in the loss around a perplexity: as that is convex, a difference of two
// allocations' means is at least that of J.
func (o Objective) each(d *evaluate.Divergence, perplexity float64) []float64 {
	out := make([]float64, len(d.Loss))
	for i, loss := range d.Loss {
		out[i] = (o.Perplexity*perplexity + o.Loss) * loss
		if o.needsTeacher() {
			out[i] += o.KL*d.Forward[i] + o.ReverseKL*d.Reverse[i]
		}
	}
	return out
}
