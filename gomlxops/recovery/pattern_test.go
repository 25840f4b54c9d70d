package recovery

import (
	"strings"
	"testing"
)

// TestPatterns matches as PEFT's get_pattern_key: an end behind a dot, the whole name behind ^, the first key in alphabetical order.
func TestPatterns(t *testing.T) {
	const module = "model.layers.1.self_attn.q_proj"
	for _, c := range []struct {
		pattern map[string]int
		want    int
	}{
		{map[string]int{"q_proj": 3}, 3}, {map[string]int{"proj": 3}, 8}, {map[string]int{`.*_proj`: 3}, 3}, {map[string]int{"self_attn.q_proj": 3}, 3},
		{map[string]int{`layers\.[12]\.self_attn\..*`: 3}, 3}, {map[string]int{`layers\.2\.self_attn\..*`: 3}, 8}, {map[string]int{"^q_proj": 3}, 8},
		{map[string]int{"^" + module: 3}, 3}, {map[string]int{"q_proj": 3, "layers.1.self_attn.q_proj": 4}, 4}, {nil, 8},
	} {
		if got, err := patterned(c.pattern, module, 8); err != nil || got != c.want {
			t.Errorf("%v: %d, %v, expected %d", c.pattern, got, err, c.want)
		}
	}
	if _, err := patterned(map[string]int{"q_(": 3}, module, 8); err == nil || !strings.Contains(err.Error(), `"q_("`) {
		t.Errorf("expected an error that names the pattern, found %v", err)
	}
}
