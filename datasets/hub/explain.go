package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
)

// errStalled ends a request for which nothing arrives.
var errStalled = errors.New("no byte arrived for too long")

// statusIn finds the status in the words of go-huggingface v0.4.12, which has no error values: the first form is that of a
// download, the second that of a request for a head.
var statusIn = regexp.MustCompile(`bad status code (\d{3})\b|following message: "(\d{3})\b`)

// explain turns the error of a request into one that says what happened and what to do. ctx is the request's own, and its
// cause says why it was broken off.
func (p *puller) explain(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(cause, errStalled):
		return p.unreachable(cause)
	case cause != nil:
		return cause // the caller's, or that of another file
	}
	if found := statusIn.FindStringSubmatch(err.Error()); found != nil {
		status, _ := strconv.Atoi(found[1] + found[2])
		return p.refusal(status, "")
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) {
		return p.unreachable(err)
	}
	return err
}

func (p *puller) unreachable(err error) error {
	hint := withoutNetwork
	if dir, found := Resolve(Model, p.name); found == nil {
		hint = "the cache has it already, in " + dir
	}
	return fmt.Errorf("%w at %s: %w; check the network and HF_ENDPOINT and try again; %s", ErrUnreachable, p.env.endpoint, err, hint)
}

// refusal explains a status. The hub answers 401 for a repository that does not exist, too, so as to give none away.
func (p *puller) refusal(status int, code string) error {
	page := p.env.endpoint + "/" + p.repo
	what := fmt.Sprintf("status %d %s", status, http.StatusText(status))
	switch {
	case status == http.StatusNotFound && code == "RevisionNotFound":
		return fmt.Errorf("%w: %s has no revision %q; see %s", ErrNotOnHub, p.repo, p.revision, page)
	case status == http.StatusNotFound:
		return fmt.Errorf("%w: %s; check the spelling of %s@%s", ErrNotOnHub, what, p.repo, p.revision)
	case status != http.StatusUnauthorized && status != http.StatusForbidden:
		return fmt.Errorf("%w: %s from %s; try again later; %s", ErrUnreachable, what, p.env.endpoint, withoutNetwork)
	case p.env.token == "":
		return fmt.Errorf("%w: %s without a token: the repository is private or gated, or there is none; check the spelling of %s, "+
			"or set HF_TOKEN to a token that may read it", ErrDenied, what, p.repo)
	}
	return fmt.Errorf("%w: %s with the token that is set: ask for access at %s, or set HF_TOKEN to a token that may read it", ErrDenied, what, page)
}
