package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	gohub "github.com/gomlx/go-huggingface/hub"
)

// Errors of [Pull], to be told apart with errors.Is. [ErrName] is one more.
var (
	ErrOffline     = errors.New("the Hugging Face hub is switched off")                // HF_HUB_OFFLINE is set
	ErrUnreachable = errors.New("cannot reach the Hugging Face hub")                   // no network, or it broke
	ErrDenied      = errors.New("the Hugging Face hub refuses access")                 // 401 and 403
	ErrNotOnHub    = errors.New("not on the Hugging Face hub")                         // 404
	ErrNoModel     = errors.New("holds no model that can be read")                     // no config.json or no safetensors
	ErrUnsafe      = errors.New("the server's answer is not to be trusted")            // names that lead elsewhere, no digest
	ErrDamaged     = errors.New("what arrived is not what the Hugging Face hub lists") // digest or length
)

// withoutNetwork says what to do where the hub cannot be reached.
const withoutNetwork = "to work without it, copy the model's directory (config.json, the .safetensors files, the tokenizer files) " +
	"to this machine and give its path in place of the name"

// Recorder is told how many megabytes of a stage are done.
type Recorder interface {
	Progress(stage string, done, total int)
}

// PullOptions are the choices of [Pull]; the zero value is good.
type PullOptions struct {
	Recorder Recorder      // told of the progress; nil is nobody
	Stall    time.Duration // a request without a byte for that long fails; default a minute, below zero the same
}

// Pulled is what [Pull] made or found.
type Pulled struct {
	Dir     string // the snapshot, which Resolve finds
	Commit  string
	Files   int   // in the snapshot
	Bytes   int64 // of these files
	Fetched int64 // bytes of those that were not in the cache
}

// Pull brings the model org/name, or org/name@revision with a branch, a tag or a whole commit, into the cache: config.json, the
// safetensors and the tokenizer's files, nothing else. It asks the hub each time, so that a branch that has moved is pulled anew;
// files that the cache has are not fetched again.
//
// HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE mean what they mean to huggingface_hub
// (https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables). The token goes to the endpoint's host and to no other.
//
// When ctx ends or anything fails, files that are whole stay for the next call, and no snapshot or reference has changed.
func Pull(ctx context.Context, name string, opt PullOptions) (*Pulled, error) {
	p, err := newPuller(name, opt)
	if err != nil {
		return nil, err
	}
	pulled, err := p.pull(ctx)
	if err != nil {
		p.tidy()
		return nil, fmt.Errorf("hub: %s: %w", name, err)
	}
	return pulled, nil
}

// puller is one call of [Pull].
type puller struct {
	name, repo, revision string
	commit               string // 40 hexadecimal digits, known after list
	root                 string // directory of the repository in the cache
	env                  environment
	lib                  *gohub.Repo // at commit
	stall                time.Duration
	progress             *progress
}

func newPuller(name string, opt PullOptions) (*puller, error) {
	repo, revision, err := parse(name)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(repo, "/") {
		return nil, fmt.Errorf("hub: %q: %w: expected org/name or org/name@revision", name, ErrName)
	}
	env, err := readEnvironment()
	if err != nil {
		return nil, fmt.Errorf("hub: %s: %w", name, err)
	}
	if opt.Stall <= 0 {
		opt.Stall = time.Minute
	}
	return &puller{
		name: name, repo: repo, revision: revision, env: env, stall: opt.Stall, progress: &progress{to: opt.Recorder},
		root: filepath.Join(env.cache, string(Model)+"s--"+strings.ReplaceAll(repo, "/", "--")),
	}, nil
}

func (p *puller) pull(ctx context.Context) (*Pulled, error) {
	listed, err := p.list(ctx)
	if err != nil {
		return nil, err
	}
	files, err := chooseFiles(listed.Siblings)
	if err != nil {
		return nil, err
	}
	p.commit = listed.Commit
	p.lib = gohub.New(p.repo).WithEndpoint(p.env.endpoint).WithAuth(p.env.token).WithCacheDir(p.env.cache).WithRevision(p.commit)
	p.lib.Verbosity = 0 // it would print on standard output
	p.lib.GetDownloadManager().MaxParallel(parallel)
	for i := range files {
		if err := p.identify(ctx, &files[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", files[i].name, err)
		}
	}
	fetched, err := p.fetchAll(ctx, files)
	if err != nil {
		return nil, err
	}
	if err := p.publish(files); err != nil {
		return nil, err
	}
	dir, err := Resolve(Model, p.name)
	return &Pulled{Dir: dir, Commit: p.commit, Files: len(files), Bytes: total(files), Fetched: fetched}, err
}

// tidy removes the directories of a repository of which nothing was kept. Those that hold anything stay.
func (p *puller) tidy() {
	for _, dir := range []string{"blobs", "snapshots", "refs", ""} {
		_ = os.Remove(filepath.Join(p.root, dir))
	}
}
