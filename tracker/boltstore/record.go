package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/parelab/pare/tracker"
)

// schema is the version of the layout in the package comment.
const schema = 1

// bucket names one of the top-level buckets.
type bucket string

const (
	bucketMeta      bucket = "meta"
	bucketStudy     bucket = "study"
	bucketStudyName bucket = "study_name"
	bucketTrial     bucket = "trial"
	bucketOrigin    bucket = "origin"
	bucketTrialID   bucket = "trial_id"
	bucketRunning   bucket = "running"
	bucketBest      bucket = "best"
	bucketPoint     bucket = "point"
)

var buckets = []bucket{bucketMeta, bucketStudy, bucketStudyName, bucketTrial, bucketOrigin, bucketTrialID, bucketRunning, bucketBest, bucketPoint}

var schemaKey = []byte("schema")

// txn is one transaction. Its methods check what they read.
type txn struct {
	*bolt.Tx
	ctx  context.Context
	path string
	now  time.Time
}

// initialise fills a new file.
func initialise(tx *bolt.Tx) error {
	for _, b := range buckets {
		if _, err := tx.CreateBucket([]byte(b)); err != nil {
			return err
		}
	}
	t := &txn{Tx: tx}
	return t.put(bucketMeta, schemaKey, []byte(strconv.Itoa(schema)))
}

// checkSchema tells other bbolt files and later layouts from ours.
func (t *txn) checkSchema() error {
	meta := t.Bucket([]byte(bucketMeta))
	if meta == nil || meta.Get(schemaKey) == nil {
		return notTracker(t.path, "found a bbolt database without pare's schema number")
	}
	value, err := t.get(bucketMeta, schemaKey)
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(string(value))
	if err != nil || version < 1 {
		return t.damaged(bucketMeta, schemaKey, fmt.Sprintf("schema number is %q", value))
	}
	if version > schema {
		return fmt.Errorf("%s has schema %d, this pare knows up to %d: %w; update pare", t.path, version, schema, tracker.ErrNewer)
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the checksum of a record: CRC32C over bucket, 0, key, 0, content. The key is in it so that content in the wrong place is found.
func sum(b bucket, key, content []byte) uint32 {
	crc := crc32.Update(0, castagnoli, append([]byte(b), 0))
	crc = crc32.Update(crc, castagnoli, key)
	crc = crc32.Update(crc, castagnoli, []byte{0})
	return crc32.Update(crc, castagnoli, content)
}

// open takes the content out of a record.
func (t *txn) open(b bucket, key, record []byte) ([]byte, error) {
	n := len(record) - 4
	if n < 0 {
		return nil, t.damaged(b, key, fmt.Sprintf("a record has at least 4 bytes, found %d", len(record)))
	}
	want, got := binary.BigEndian.Uint32(record[n:]), sum(b, key, record[:n])
	if want != got {
		return nil, t.damaged(b, key, fmt.Sprintf("checksum of its %d bytes is %08x, expected %08x", n, got, want))
	}
	return record[:n], nil
}

// in returns a bucket, which a whole file always has.
func (t *txn) in(b bucket) (*bolt.Bucket, error) {
	found := t.Bucket([]byte(b))
	if found == nil {
		return nil, &tracker.DamagedError{File: t.path, Detail: fmt.Sprintf("bucket %q is missing", b)}
	}
	return found, nil
}

// get returns a record's content, nil if there is none. It is valid within the transaction.
func (t *txn) get(b bucket, key []byte) ([]byte, error) {
	in, err := t.in(b)
	if err != nil {
		return nil, err
	}
	record := in.Get(key)
	if record == nil {
		return nil, nil
	}
	return t.open(b, key, record)
}

// pointFill is how full a split leaves a page of points. bbolt's 0.5 suits keys that come in any order; points come mostly at the end
// of their metric, where half of each page would stay empty for good.
const pointFill = 0.9

// put writes a record.
func (t *txn) put(b bucket, key, content []byte) error {
	in, err := t.in(b)
	if err != nil {
		return err
	}
	if b == bucketPoint {
		in.FillPercent = pointFill
	}
	record := binary.BigEndian.AppendUint32(bytes.Clone(content), sum(b, key, content))
	return in.Put(key, record)
}

func (t *txn) getJSON(b bucket, key []byte, v any) (bool, error) {
	content, err := t.get(b, key)
	if content == nil || err != nil {
		return false, err
	}
	return true, t.decode(b, key, content, v)
}

// decode reads the JSON of a record whose checksum was right.
func (t *txn) decode(b bucket, key, content []byte, v any) error {
	if err := json.Unmarshal(content, v); err != nil {
		return t.damaged(b, key, err.Error())
	}
	return nil
}

func (t *txn) putJSON(b bucket, key []byte, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return t.put(b, key, content)
}

func (t *txn) delete(b bucket, key []byte) error {
	in, err := t.in(b)
	if err != nil {
		return err
	}
	return in.Delete(key)
}

// scan visits the records whose keys begin with prefix, from key from on (nil: the first, or the last if backwards), until fn returns false.
func (t *txn) scan(b bucket, prefix, from []byte, backwards bool, fn func(key, content []byte) (bool, error)) error {
	in, err := t.in(b)
	if err != nil {
		return err
	}
	c := in.Cursor()
	key, record, step := seek(c, prefix, from, backwards)
	var before []byte
	for ; bytes.HasPrefix(key, prefix) && key != nil; key, record = step() {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		if before != nil && (bytes.Compare(key, before) > 0) == backwards { // pages that lead in a circle
			return t.damaged(b, key, "it is out of order")
		}
		before = key
		content, err := t.open(b, key, record)
		if err != nil {
			return err
		}
		if more, err := fn(key, content); !more || err != nil {
			return err
		}
	}
	return nil
}

// seek puts a cursor on the first record of a scan and returns how to step on.
func seek(c *bolt.Cursor, prefix, from []byte, backwards bool) (key, record []byte, step func() ([]byte, []byte)) {
	if !backwards {
		if from == nil {
			from = prefix
		}
		key, record = c.Seek(from)
		return key, record, c.Next
	}
	inside := from != nil
	if !inside {
		from = after(prefix)
	}
	if from != nil {
		key, record = c.Seek(from)
	}
	switch {
	case key == nil:
		key, record = c.Last()
	case !inside || !bytes.Equal(key, from):
		key, record = c.Prev()
	}
	return key, record, c.Prev
}

// after returns the first key behind all that begin with prefix; nil if there is none.
func after(prefix []byte) []byte {
	out := bytes.Clone(prefix)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i]++; out[i] != 0 {
			return out[:i+1]
		}
	}
	return nil
}

func (t *txn) damaged(b bucket, key []byte, detail string) error {
	return &tracker.DamagedError{File: t.path, Key: string(b) + " " + keyText(key), Detail: detail}
}
