package hub

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	gohub "github.com/gomlx/go-huggingface/hub"
)

// hashKind says which digest of a file's content its etag is.
type hashKind int

const (
	hashNone   hashKind = iota // unknown: only the length is checked
	hashSHA256                 // of large files, kept in LFS
	hashGit                    // SHA-1 as git takes it of a blob: with a head that has the length
)

var (
	isSHA256 = regexp.MustCompile(`^[0-9a-f]{64}$`)
	isETag   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`) // a part of a path: no slash, no dot in front
)

// newFile reads what the listing says of a file's identity. Servers other than the hub may say nothing.
func newFile(s *gohub.FileInfo) (file, error) {
	f := file{name: s.Name, size: -1}
	switch {
	case s.LFS != nil && s.LFS.SHA256 != "":
		f.etag, f.size, f.hash = s.LFS.SHA256, s.LFS.Size, hashSHA256
	case s.BlobID != "":
		f.etag, f.size, f.hash = s.BlobID, s.Size, hashGit
	default:
		return f, nil
	}
	if f.hash == hashSHA256 && !isSHA256.MatchString(f.etag) || f.hash == hashGit && !isCommit.MatchString(f.etag) {
		return f, fmt.Errorf("%w: %s: expected the digest of the content in hexadecimal, found %.80q", ErrUnsafe, f.name, f.etag)
	}
	if f.size < 0 {
		return f, fmt.Errorf("%w: %s: expected a length, found %d", ErrUnsafe, f.name, f.size)
	}
	return f, nil
}

// identify asks for the head of a file whose digest was not listed. go-huggingface follows redirects there, so what it returns
// is the head of the last server: where large files lie elsewhere, X-Linked-Etag is lost and the ETag is that server's own.
func (p *puller) identify(ctx context.Context, f *file) error {
	if f.etag != "" {
		return nil
	}
	address, err := p.lib.FileURL(f.name)
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeoutCause(ctx, p.stall, errStalled)
	defer cancel()
	head, size, err := p.lib.GetDownloadManager().FetchHeader(wait, address)
	if err != nil {
		return p.explain(wait, err)
	}
	etag := head.Get(gohub.HeaderXLinkedETag)
	if etag == "" {
		etag = head.Get("ETag")
	}
	f.etag, f.size = strings.Trim(strings.TrimPrefix(etag, "W/"), `"`), size
	if !isETag.MatchString(f.etag) {
		return fmt.Errorf("%w: expected an ETag of letters and digits, found %.80q", ErrUnsafe, f.etag)
	}
	if head.Get(gohub.HeaderXLinkedETag) != "" && isSHA256.MatchString(f.etag) {
		f.hash = hashSHA256
	}
	return nil
}

// total is the length of all files whose length is known.
func total(files []file) (n int64) {
	for _, f := range files {
		n += max(f.size, 0)
	}
	return n
}
