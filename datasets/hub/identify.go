package hub

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
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
func newFile(s *sibling) (file, error) {
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

// identify asks for the head of a file whose digest was not listed. What the hub itself says of a file that lies elsewhere counts
// for more than what that place says, whose ETag may be of its own making.
func (p *puller) identify(ctx context.Context, f *file) error {
	if f.etag != "" {
		return nil
	}
	head, err := p.head(ctx, f.name, true)
	if err == nil && head.Get(headerLinkedETag) == "" && head.Get("ETag") == "" {
		head, err = p.head(ctx, f.name, false)
	}
	if err != nil {
		return err
	}
	f.etag, f.size = etagOf(head.Get(headerLinkedETag)), number(head.Get(headerLinkedSize))
	if f.etag == "" {
		f.etag, f.size = etagOf(head.Get("ETag")), number(head.Get("Content-Length"))
	} else if isSHA256.MatchString(f.etag) {
		f.hash = hashSHA256
	}
	if !isETag.MatchString(f.etag) {
		return fmt.Errorf("%w: expected an ETag of letters and digits, found %.80q", ErrUnsafe, f.etag)
	}
	return nil
}

// head returns the head of a file, that of the hub where it stays there.
func (p *puller) head(ctx context.Context, name string, stay bool) (head http.Header, err error) {
	err = p.ask(ctx, func() error {
		a, err := p.send(ctx, request{method: http.MethodHead, address: p.fileURL(name), stay: stay})
		if err != nil {
			return err
		}
		head = a.Header
		return a.Close()
	})
	return head, err
}

// number reads a length, -1 where there is none.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// total is the length of all files whose length is known.
func total(files []file) (n int64) {
	for _, f := range files {
		n += max(f.size, 0)
	}
	return n
}
