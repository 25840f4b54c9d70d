package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// pieceBytes is how much is read before it is written: the least that a kill -9 can lose.
const pieceBytes = 256 << 10

// download fetches a file from byte from on and writes it to path, where the bytes before are. Connections that break are taken up
// again where they broke. What is written stays whatever happens.
func (p *puller) download(ctx context.Context, f file, path string, from int64) (err error) {
	d := &download{p: p, f: f, path: path, have: from}
	defer func() { err = errors.Join(err, d.close()) }()
	return p.persist(ctx, func() (bool, error) {
		before := d.have
		err := d.try(ctx)
		return d.have > before, err
	})
}

// download is a file on its way.
type download struct {
	p    *puller
	f    file
	path string
	out  *os.File // opened once there is something to write
	have int64    // bytes of the file that are there, from its first on
}

func (d *download) close() error {
	if d.out == nil {
		return nil
	}
	err := d.out.Close()
	d.out = nil
	return err
}

// try asks for what is missing, once.
func (d *download) try(ctx context.Context) error {
	a, err := d.p.send(ctx, request{method: http.MethodGet, address: d.p.fileURL(d.f.name), from: d.have})
	if err != nil {
		return d.rangeError(err)
	}
	defer a.Close()
	at, err := d.begin(a)
	if err != nil {
		return err
	}
	if d.out == nil {
		if err := os.MkdirAll(filepath.Dir(d.path), 0o755); err != nil {
			return d.f.diskError(err, d.have)
		}
		if d.out, err = os.OpenFile(d.path, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
			return d.f.diskError(err, d.have)
		}
	}
	return d.receive(a, at)
}

// rangeError discards what is there where the server has nothing beyond it: it is no beginning of the file.
func (d *download) rangeError(err error) error {
	var r refused
	if !errors.As(err, &r) || r.status != http.StatusRequestedRangeNotSatisfiable || d.have == 0 {
		return err
	}
	err = fmt.Errorf("%w: expected %d bytes, the server has nothing from byte %d on; try again", ErrDamaged, d.f.size, d.have)
	return errors.Join(err, d.close(), os.Remove(d.path))
}

// begin returns the first byte of an answer: the one asked for, or 0 where the server knows no ranges and sends the whole. An answer whose length is
// not the listed one is of another file, such as a page of a network that asks for a password, and nothing of it is written.
func (d *download) begin(a *answer) (at int64, err error) {
	if a.StatusCode == http.StatusPartialContent {
		var end, whole int64
		if n, err := fmt.Sscanf(a.Header.Get("Content-Range"), "bytes %d-%d/%d", &at, &end, &whole); err != nil || n != 3 || at != d.have {
			return 0, fmt.Errorf("%w: asked for the bytes from %d on, found %.60q", ErrUnsafe, d.have, a.Header.Get("Content-Range"))
		}
	}
	if whole := at + a.ContentLength; a.ContentLength >= 0 && d.f.size >= 0 && whole != d.f.size {
		return 0, fmt.Errorf("%w: expected %d bytes, found %d; try again", ErrDamaged, d.f.size, whole)
	}
	return at, nil
}

// receive writes an answer from byte at on, but for the bytes that are there already.
func (d *download) receive(a *answer, at int64) error {
	piece := make([]byte, pieceBytes)
	for {
		n, err := io.ReadFull(a, piece)
		if d.f.size >= 0 && at+int64(n) > d.f.size {
			return fmt.Errorf("%w: expected %d bytes, found more; try again", ErrDamaged, d.f.size)
		}
		known := min(max(d.have-at, 0), int64(n))
		at += int64(n)
		if _, err := d.out.WriteAt(piece[known:n], at-int64(n)+known); err != nil {
			return d.f.diskError(err, d.have)
		}
		d.have = max(d.have, at)
		d.p.progress.received(int64(n), int64(n)-known)
		switch {
		case err == nil:
		case !errors.Is(err, ErrUnreachable) && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
			return d.end(at)
		default:
			return err
		}
	}
}

// end is the regular end of an answer before byte at.
func (d *download) end(at int64) error {
	if d.f.size >= 0 && at < d.f.size {
		return fmt.Errorf("%w: expected %d bytes, found %d; try again", ErrDamaged, d.f.size, at)
	}
	return nil
}
