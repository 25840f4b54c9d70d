package recovery

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// patterned finds the value of a module by the first key, in alphabetical order, that matches its name or an end of it behind a dot, or, where the key
// begins with ^, all of it: as PEFT does, whose files have their keys in that order.
func patterned[T any](pattern map[string]T, module string, otherwise T) (T, error) {
	for _, key := range slices.Sorted(maps.Keys(pattern)) {
		matches, err := matchesEnd(key, module)
		if err != nil {
			return otherwise, err
		}
		if matches {
			return pattern[key], nil
		}
	}
	return otherwise, nil
}

func matchesEnd(key, module string) (bool, error) {
	re, err := regexp.Compile(`^(?:.*\.)?(?:` + key + `)$`)
	if err != nil {
		return false, fmt.Errorf("pattern %q of ranks or alphas: %w", key, err)
	}
	return re.MatchString(module), nil
}

// idle says which key of a pattern meets none of the modules.
func idle[T any](what string, pattern map[string]T, modules []module) error {
	for _, key := range slices.Sorted(maps.Keys(pattern)) {
		met := false
		for _, m := range modules {
			matches, err := matchesEnd(key, m.name())
			if err != nil {
				return err
			}
			met = met || matches
		}
		if !met {
			return fmt.Errorf("LoRA: the %s pattern %q matches none of the %d targets, such as %s", what, key, len(modules), modules[0].name())
		}
	}
	return nil
}
