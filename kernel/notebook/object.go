package notebook

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// object is a JSON object together with where it stands, for errors.
type object struct {
	m     map[string]any
	where string
}

func (o object) wrong(field, expected string) error {
	v, ok := o.m[field]
	if !ok {
		return fmt.Errorf("%s: %s is missing; expected %s", o.where, field, expected)
	}
	return fmt.Errorf("%s: %s: expected %s, found %s", o.where, field, expected, kind(v))
}

func (o object) str(field string) (string, error) {
	if s, ok := o.m[field].(string); ok {
		return s, nil
	}
	return "", o.wrong(field, "a string")
}

func (o object) integer(field string) (int, error) {
	if n, ok := o.m[field].(json.Number); ok {
		if i, err := strconv.Atoi(n.String()); err == nil && i >= 0 {
			return i, nil
		}
	}
	return 0, o.wrong(field, "a whole number")
}

// object returns the object at field, an empty one if it is absent.
func (o object) object(field string) (map[string]any, error) {
	switch v := o.m[field].(type) {
	case map[string]any:
		return v, nil
	case nil:
		if _, ok := o.m[field]; !ok {
			return map[string]any{}, nil
		}
	}
	return nil, o.wrong(field, "an object")
}

// text returns a string that may be written as a list of its lines.
func (o object) text(field string) (string, error) {
	switch v := o.m[field].(type) {
	case string:
		return v, nil
	case []any:
		return joined(v, o.where+": "+field)
	}
	return "", o.wrong(field, "a string or a list of strings")
}

func (o object) strings(field string) ([]string, error) {
	list, ok := o.m[field].([]any)
	if !ok {
		return nil, o.wrong(field, "a list of strings")
	}
	out := []string{}
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%s: %s: item %d: expected a string, found %s", o.where, field, i+1, kind(v))
		}
		out = append(out, s)
	}
	return out, nil
}

// joined concatenates a list of strings.
func joined(list []any, where string) (string, error) {
	var b strings.Builder
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			return "", fmt.Errorf("%s: item %d: expected a string, found %s", where, i+1, kind(v))
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// kind names a decoded JSON value for a person.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return "the number " + v.String()
	case string:
		if len(v) > 40 {
			return fmt.Sprintf("the string %.40q...", v)
		}
		return fmt.Sprintf("the string %q", v)
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("%T", v)
}
