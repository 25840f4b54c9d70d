package recovery

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/parelab/pare/gomlxops/transformer"
)

// module is a linear, or a factor of one, that a branch can stand beside.
type module struct {
	linear, at string // at is "A" or "B" for a factor
	out, in    int
	rank       int              // of a factored linear, else 0
	form       transformer.Form // of the linear, without branches
}

func (m module) name() string {
	if m.at == "" {
		return m.linear
	}
	return m.linear + "." + m.at
}

// plain returns the form of l without branches.
func plain(v *transformer.Variant, l transformer.Linear) transformer.Form {
	f := v.Held(l)
	if a, ok := f.(*transformer.Adapted); ok {
		return a.Base
	}
	return f
}

// modules lists all that a branch can stand beside: each linear, and behind it its factors where it has them.
func modules(v *transformer.Variant) (all []module) {
	for _, l := range v.Model().Linears() {
		m := module{linear: l.Name, out: l.Out, in: l.In, form: plain(v, l)}
		if m.form.Name() != "factored" {
			all = append(all, m)
			continue
		}
		m.rank = m.form.Parts()[0].Shape[0]
		a, b := m, m
		a.at, a.out = "A", m.rank
		b.at, b.in = "B", m.rank
		all = append(all, m, a, b)
	}
	return all
}

// allLinear is PEFT's word for every linear.
const allLinear = "all-linear"

// findModules finds targets. Each of them, and a pattern, must match something.
func findModules(v *transformer.Variant, targets []string, pattern string) (found []module, err error) {
	all, whole := modules(v), (*regexp.Regexp)(nil)
	if pattern != "" && pattern != allLinear {
		if whole, err = regexp.Compile(`^(?:` + pattern + `)$`); err != nil {
			return nil, fmt.Errorf("pattern of targets %q: %w", pattern, err)
		}
	}
	met := make([]bool, len(targets))
	for _, m := range all {
		name, take := m.name(), false
		switch {
		case whole != nil:
			take = whole.MatchString(name)
		case len(targets) == 0 || pattern == allLinear:
			take = m.at == ""
		}
		for i, t := range targets {
			if pattern == "" && (name == t || strings.HasSuffix(name, "."+t)) {
				take, met[i] = true, true
			}
		}
		if take {
			found = append(found, m)
		}
	}
	if i := slices.Index(met, false); i >= 0 && pattern == "" {
		return nil, fmt.Errorf("target %q matches none of the %d linears, from %s to %s", targets[i], len(all), all[0].name(), all[len(all)-1].name())
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("pattern %q matches none of the %d linears, from %s to %s", pattern, len(all), all[0].name(), all[len(all)-1].name())
	}
	return found, nil
}
