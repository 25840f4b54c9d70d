package tokenizer

import "sync"

// Bounds of a cache: words longer than this are rare and long to hash, and 64k words cover ordinary text.
const (
	maxCachedWord  = 64
	maxCachedWords = 1 << 16
)

// cache remembers the ids of pieces encoded before. Its zero value is empty.
type cache struct {
	mu  sync.RWMutex
	ids map[string][]int32
}

// encode appends the ids of piece as the cache has them, or as encode gives them.
func (c *cache) encode(dst []int32, piece string, encode func([]int32, string) []int32) []int32 {
	if len(piece) > maxCachedWord {
		return encode(dst, piece)
	}
	c.mu.RLock()
	ids, ok := c.ids[piece]
	c.mu.RUnlock()
	if ok {
		return append(dst, ids...)
	}
	start := len(dst)
	dst = encode(dst, piece)
	c.remember(piece, dst[start:])
	return dst
}

func (c *cache) remember(piece string, ids []int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil || len(c.ids) >= maxCachedWords {
		c.ids = make(map[string][]int32, 1024)
	}
	// The piece is a slice of the caller's text: a copy keeps the cache from keeping the text.
	c.ids[string([]byte(piece))] = append([]int32(nil), ids...)
}
