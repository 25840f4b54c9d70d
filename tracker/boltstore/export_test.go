package boltstore

import (
	"testing"

	bolt "go.etcd.io/bbolt"
)

// MakeWithSchema makes an empty file with another schema number.
func MakeWithSchema(t *testing.T, path, version string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bolt.Tx) error {
		if err := initialise(tx); err != nil {
			return err
		}
		return (&txn{Tx: tx}).put(bucketMeta, schemaKey, []byte(version))
	})
	if err != nil {
		t.Fatal(err)
	}
}
