package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Filters of numbers and text.

func intFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	if f, ok := toFloat(v); ok {
		return int(f), nil
	}
	if f, err := strconv.ParseFloat(strings.TrimSpace(toString(v)), 64); err == nil {
		return int(f), nil
	}
	return argument(args, named, 0, "default", 0), nil
}

func floatFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	if f, ok := toFloat(v); ok {
		return f, nil
	}
	if f, err := strconv.ParseFloat(strings.TrimSpace(toString(v)), 64); err == nil {
		return f, nil
	}
	return argument(args, named, 0, "default", 0.0), nil
}

func absFilter(_ *run, v any, _ []any, _ map[string]any) (any, error) {
	if n, ok := v.(int); ok {
		return max(n, -n), nil
	}
	f, ok := toFloat(v)
	if !ok {
		return nil, fmt.Errorf("of %s", kindOf(v))
	}
	return math.Abs(f), nil
}

func roundFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	f, ok := toFloat(v)
	digits, isInt := toInt(argument(args, named, 0, "precision", 0))
	if !ok || !isInt || len(args) > 1 {
		return nil, fmt.Errorf("of %s to %s", kindOf(v), repr(args, 0))
	}
	scale := math.Pow(10, float64(digits))
	return math.RoundToEven(f*scale) / scale, nil
}

// indentFilter puts blanks before every line but the first, empty lines left alone.
func indentFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	blanks := "    "
	switch width := argument(args, named, 0, "width", 4).(type) {
	case int:
		blanks = strings.Repeat(" ", min(max(width, 0), 1000))
	case string:
		blanks = width
	}
	lines := strings.Split(toString(v), "\n")
	for i := range lines {
		first := i == 0 && !isTrue(argument(args, named, 1, "first", false))
		if empty := lines[i] == "" && !isTrue(argument(args, named, 2, "blank", false)); !first && !empty {
			lines[i] = blanks + lines[i]
		}
	}
	return bounded(strings.Join(lines, "\n"))
}

func escapeHTML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(s)
}
