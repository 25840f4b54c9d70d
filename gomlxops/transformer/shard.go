package transformer

import "fmt"

// cutShards cuts the tensors into runs of at most limit bytes each; a tensor larger than that gets a file of its own.
func cutShards(tensors []output, limit int64) [][]output {
	if limit <= 0 {
		limit = defaultShard
	}
	var shards [][]output
	size := int64(0)
	for _, t := range tensors {
		if len(shards) == 0 || size+t.bytes() > limit {
			shards, size = append(shards, nil), 0
		}
		last := len(shards) - 1
		shards[last] = append(shards[last], t)
		size += t.bytes()
	}
	return shards
}

// shardFile names file i of n as Hugging Face tools do.
func shardFile(i, n int) string {
	if n == 1 {
		return weightsName
	}
	return fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, n)
}

// shardIndex returns the text of model.safetensors.index.json.
func shardIndex(shards [][]output) []byte {
	places := make(map[string]string)
	total := int64(0)
	for i, shard := range shards {
		for _, t := range shard {
			places[t.name] = shardFile(i, len(shards))
			total += t.bytes()
		}
	}
	type metadata struct {
		TotalSize int64 `json:"total_size"`
	}
	return mustJSON(struct {
		Metadata  metadata          `json:"metadata"`
		WeightMap map[string]string `json:"weight_map"`
	}{metadata{total}, places})
}
