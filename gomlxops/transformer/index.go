package transformer

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// openSharded maps the shards that the index of a directory lists and gathers the tensors that it places in each.
func openSharded(dir string) (files []*mapped, tensors map[string]tensor, err error) {
	path := filepath.Join(dir, indexName)
	places, err := readIndex(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	defer func() {
		if err != nil {
			for _, f := range files {
				_ = f.close()
			}
			files = nil
		}
	}()
	shards := make(map[string]*mapped)
	tensors = make(map[string]tensor, len(places))
	for _, name := range slices.Sorted(maps.Keys(places)) {
		shard := places[name]
		if shards[shard] == nil {
			f, err := openMapped(filepath.Join(dir, shard))
			if err != nil {
				return files, nil, fmt.Errorf("a shard that %s lists cannot be opened: %w", path, err)
			}
			shards[shard], files = f, append(files, f)
		}
		t, ok := shards[shard].tensors[name]
		if !ok {
			return files, nil, fmt.Errorf("%s: tensor %s is missing: %s places it here", filepath.Join(dir, shard), name, path)
		}
		tensors[name] = t
	}
	return files, tensors, nil
}

// readIndex returns the shard's file name for every tensor. A shard lies beside the index: a name with a path in it is refused.
func readIndex(path string) (map[string]string, error) {
	data, err := readJSON(path)
	if err != nil {
		return nil, err
	}
	top, err := readObject(data, "the index")
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(top, func(m member) bool { return m.name == "weight_map" })
	if at < 0 {
		return nil, errors.New("field weight_map: expected an object from tensor to shard, found none")
	}
	members, err := readObject(top[at].value, "weight_map")
	if err != nil {
		return nil, err
	}
	if len(members) == 0 {
		return nil, errors.New("field weight_map: expected an object from tensor to shard, found it empty")
	}
	places := make(map[string]string, len(members))
	for _, m := range members {
		if places[m.name], err = shardName(m.value); err != nil {
			return nil, fmt.Errorf("field weight_map: tensor %s: %w", m.name, err)
		}
	}
	return places, nil
}

// shardName reads the name of a shard, which must be that of a file in the model's own directory.
func shardName(v jsontext.Value) (string, error) {
	name, err := stringOf(v)
	if err != nil {
		return "", fmt.Errorf("shard name: %w", err)
	}
	if !plainName(name) {
		return "", fmt.Errorf("expected the name of a file in the model's directory, found %q, which is empty or a path that could lead outside", name)
	}
	return name, nil
}

// plainName says whether name is that of a file in a directory, on any system, and not a path.
func plainName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\\:\x00")
}
