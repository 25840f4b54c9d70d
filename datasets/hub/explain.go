package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// errStalled ends a request for which nothing arrives.
var errStalled = errors.New("no byte arrived for too long")

// explain turns the error of a request into one that says what happened and what to do. ctx is the request's own, and its
// cause says why it was broken off.
func (p *puller) explain(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	var network net.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(cause, errStalled):
		return p.unreachable(cause)
	case cause != nil:
		return cause // the caller's, or that of another file
	case errors.Is(err, ErrUnsafe):
		return err
	case errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return p.unreachable(err)
	}
	return err
}

func (p *puller) unreachable(err error) error {
	hint := withoutNetwork[p.kind]
	if dir, found := Resolve(p.kind, p.name); found == nil {
		hint = "the cache has it already, in " + dir
	}
	return fmt.Errorf("%w at %s: %w; check the network and HF_ENDPOINT and try again; %s", ErrUnreachable, p.env.endpoint, err, hint)
}

// refused is an answer of the server with another status than wanted.
type refused struct {
	error
	status int
	after  time.Duration // until when the server asks to wait, 0 for no wish
}

func (r refused) Unwrap() error { return r.error }

// refusal explains a status. The hub answers 401 for a repository that does not exist, too, so as to give none away.
func (p *puller) refusal(status int, head http.Header) error {
	seconds, _ := strconv.Atoi(head.Get("Retry-After"))
	return refused{p.why(status, head), status, time.Duration(max(seconds, 0)) * time.Second}
}

func (p *puller) why(status int, head http.Header) error {
	page := p.env.endpoint + "/" + p.path()
	what := strings.TrimSpace(fmt.Sprintf("status %d %s", status, http.StatusText(status)))
	switch {
	case status == http.StatusNotFound && head.Get(headerErrorCode) == "RevisionNotFound":
		return fmt.Errorf("%w: %s has no revision %q; see %s", ErrNotOnHub, p.repo, p.revision, page)
	case status == http.StatusNotFound:
		return fmt.Errorf("%w: %s; check the spelling of %s@%s", ErrNotOnHub, what, p.repo, p.revision)
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= http.StatusInternalServerError:
		return fmt.Errorf("%w: %s from %s; try again later; %s", ErrUnreachable, what, p.env.endpoint, withoutNetwork[p.kind])
	case status != http.StatusUnauthorized && status != http.StatusForbidden:
		return fmt.Errorf("%w: %s from %s; is it a Hugging Face hub?", ErrUnsafe, what, p.env.endpoint)
	case p.env.token == "":
		return fmt.Errorf("%w: %s without a token: the repository is private or gated, or there is none; check the spelling of %s, "+
			"or set HF_TOKEN to a token that may read it", ErrDenied, what, p.repo)
	}
	return fmt.Errorf("%w: %s with the token that is set: ask for access at %s, or set HF_TOKEN to a token that may read it", ErrDenied, what, page)
}

// diskError explains why a file could not be written: the disk is full, more often than not.
func (f file) diskError(err error, have int64) error {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	return fmt.Errorf("%w: %w; %d of %d MB are there and stay: make room for %d MB more and do the same again, it goes on from there, "+
		"or set HF_HOME or HF_HUB_CACHE to a directory on another disk", ErrDiskFull, err, megabytes(have), megabytes(f.size), megabytes(f.size-have))
}
