package show

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var gallery = flag.String("gallery", "", "write a page with every sample to this file, to be looked at")

// TestGallery writes the gallery when asked to: go test ./kernel/show -run Gallery -gallery /tmp/gallery.html
func TestGallery(t *testing.T) {
	if *gallery == "" {
		t.Skip("no -gallery file named")
	}
	var b strings.Builder
	b.WriteString(`<!doctype html><meta charset="utf-8"><title>Gallery</title><style>:root{color-scheme:light dark}body{max-width:1640px;margin:16px;columns:2}figure.pare{break-inside:avoid}</style>`)
	all := samples()
	for _, name := range order {
		b.WriteString(all[name].HTML())
	}
	if err := os.WriteFile(*gallery, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
