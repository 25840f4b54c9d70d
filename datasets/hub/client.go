package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The headers by which the hub tells of a large file that lies on another server
// (https://huggingface.co/docs/hub/api, "resolve").
const (
	headerLinkedETag = "X-Linked-Etag"
	headerLinkedSize = "X-Linked-Size"
	headerErrorCode  = "X-Error-Code"
)

// mostRedirects is net/http's own limit.
const mostRedirects = 10

// follow is asked before each redirect. The token goes to the hub and to no other host, no subdomain of it either, which
// net/http alone would trust with it.
func (p *puller) follow(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= mostRedirects:
		return fmt.Errorf("%w: %d redirects in a row", ErrUnsafe, len(via))
	case req.URL.Scheme != "https" && via[0].URL.Scheme == "https":
		return fmt.Errorf("%w: it leads from https to %s://%s", ErrUnsafe, req.URL.Scheme, req.URL.Host)
	case !p.isHub(req.URL):
		req.Header.Del("Authorization")
	}
	return nil
}

// stay follows redirects within the hub only, such as from gpt2 to openai-community/gpt2, and none that says what it leads to.
func (p *puller) stay(req *http.Request, via []*http.Request) error {
	if !p.isHub(req.URL) || req.Response.Header.Get(headerLinkedETag) != "" {
		return http.ErrUseLastResponse
	}
	return p.follow(req, via)
}

func (p *puller) isHub(u *url.URL) bool {
	hub, err := url.Parse(p.env.endpoint)
	return err == nil && u.Scheme == hub.Scheme && u.Host == hub.Host
}

// fileURL is the address of a file at the commit. The name has no character that would need escaping, see isFileName.
func (p *puller) fileURL(name string) string {
	return fmt.Sprintf("%s/%s/resolve/%s/%s", p.env.endpoint, p.path(), p.commit, name)
}

// path is where the hub has the repository: data sets have a folder of their own.
func (p *puller) path() string {
	if p.kind == Dataset {
		return "datasets/" + p.repo
	}
	return p.repo
}

// request is one request to the hub, which gives up when nothing arrives for a while.
type request struct {
	method, address string
	from            int64 // first byte asked for
	stay            bool  // follow no redirect to another host
}

// answer is an open response. Close it.
type answer struct {
	*http.Response
	ctx    context.Context
	cancel context.CancelCauseFunc
	idle   *time.Timer
	p      *puller
}

// send sends a request and returns an answer with what was asked for, or an error that says what happened and what to do.
func (p *puller) send(ctx context.Context, r request) (*answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	idle := time.AfterFunc(p.stall, func() { cancel(errStalled) })
	a := &answer{ctx: ctx, cancel: cancel, idle: idle, p: p}
	req, err := http.NewRequestWithContext(ctx, r.method, r.address, nil)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	req.Header.Set("User-Agent", "pare")
	req.Header.Set("Accept-Encoding", "identity") // lengths and ranges are those of the file
	if p.env.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.env.token)
	}
	if r.from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", r.from))
	}
	client := http.Client{CheckRedirect: p.follow}
	if r.stay {
		client.CheckRedirect = p.stay
	}
	if a.Response, err = client.Do(req); err != nil {
		return nil, errors.Join(p.explain(ctx, err), a.Close())
	}
	if a.StatusCode >= http.StatusBadRequest || a.StatusCode >= http.StatusMultipleChoices && !r.stay {
		err := p.refusal(a.StatusCode, a.Header)
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// Read reads the body; each byte that arrives puts the end of patience off.
func (a *answer) Read(b []byte) (int, error) {
	n, err := a.Body.Read(b)
	a.idle.Reset(a.p.stall)
	if err != nil && err != io.EOF {
		err = a.p.explain(a.ctx, err)
	}
	return n, err
}

// Close frees the connection.
func (a *answer) Close() error {
	a.idle.Stop()
	a.cancel(nil)
	if a.Response == nil {
		return nil
	}
	_ = a.Body.Close() // of what was only read, and may have been cut
	return nil
}

// etagOf reads a digest as servers write it.
func etagOf(header string) string {
	return strings.Trim(strings.TrimPrefix(header, "W/"), `"`)
}
