package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Errors of [Pull], to be told apart with errors.Is. [ErrName] is one more.
var (
	ErrOffline     = errors.New("the Hugging Face hub is switched off")                // HF_HUB_OFFLINE is set
	ErrUnreachable = errors.New("cannot reach the Hugging Face hub")                   // no network, or it broke
	ErrDenied      = errors.New("the Hugging Face hub refuses access")                 // 401 and 403
	ErrNotOnHub    = errors.New("not on the Hugging Face hub")                         // 404
	ErrNoModel     = errors.New("holds no model that can be read")                     // no config.json or no safetensors
	ErrNoData      = errors.New("holds no data that can be read")                      // no JSON and no Parquet, or not the part
	ErrUnsafe      = errors.New("the server's answer is not to be trusted")            // names that lead elsewhere, no digest
	ErrDamaged     = errors.New("what arrived is not what the Hugging Face hub lists") // digest or length
	ErrDiskFull    = errors.New("the disk is full")                                    // or the user's share of it
)

// withoutNetwork says what to do where the hub cannot be reached.
var withoutNetwork = map[Kind]string{
	Model: "to work without it, copy the model's directory (config.json, the .safetensors files, the tokenizer files) " +
		"to this machine and give its path in place of the name",
	Dataset: "to work without it, copy the data set's files to this machine and give the path of their directory in place of the name",
}

// Recorder is told how many megabytes of a stage are done, and the rate at which they arrive.
type Recorder interface {
	Progress(stage string, done, total int)
	Metric(name string, step int, value float64)
}

// PullOptions are the choices of [Pull]; the zero value is good.
type PullOptions struct {
	Kind     Kind                          // Model, which empty is too, or Dataset
	Choose   func(files []string) []string // of a data set's files, by their paths, those to fetch; nil fetches all
	Recorder Recorder                      // told of the progress; nil is nobody
	Stall    time.Duration                 // a request without a byte for that long is broken off; default a minute, below zero the same
	Retries  int                           // failures in a row after which a file is given up; default 5, below zero the first one is the last
}

// defaultRetries and the pauses between them outlast half a minute without network.
const defaultRetries = 5

// Pulled is what [Pull] made or found.
type Pulled struct {
	Name    string  `json:"name"` // as it was asked for
	Dir     string  `json:"dir"`  // the snapshot, which Resolve finds
	Commit  string  `json:"commit"`
	Files   int     `json:"files"`   // in the snapshot
	Bytes   int64   `json:"bytes"`   // of these files
	Fetched int64   `json:"fetched"` // bytes of them that came over the network
	Resumed int64   `json:"resumed"` // bytes of files that were not whole in the cache, but begun
	Seconds float64 `json:"seconds"`
	Offline string  `json:"offline,omitempty"` // the variable that forbids the network, with its value: the hub was not asked
}

// Pull brings a model into the cache: its configuration, the weights in safetensors and the tokenizer's files, nothing else; or, of a data set,
// files of JSON, JSON lines and Parquet in whatever folders, and the card. Its name is org/name,
// or name alone for the oldest of the hub (gpt2), with @ and a branch, a tag or a whole commit where it is not main. The hub is asked each time, so that a
// branch that has moved is pulled anew; files that the cache has are not fetched again. Where HF_HUB_OFFLINE forbids to ask, what the cache holds is the answer.
//
// HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE mean what they mean to huggingface_hub
// (https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables). The token goes to the endpoint's host and to no other.
//
// When ctx ends or anything fails, what has arrived stays for the next call, which goes on from there, and no snapshot or reference has changed.
// The same holds for a program that is killed, up to the last quarter of a megabyte. Programs that pull the same at once wait for one another.
func Pull(ctx context.Context, name string, opt PullOptions) (*Pulled, error) {
	if opt.Kind == "" {
		opt.Kind = Model
	}
	p, err := newPuller(name, opt)
	if errors.Is(err, ErrOffline) {
		if held := pullOffline(name, opt); held != nil {
			return held, nil
		}
	}
	if err != nil {
		return nil, err
	}
	pulled, err := p.pull(ctx)
	if err != nil {
		p.tidy()
		if ctx.Err() != nil && p.progress.network > 0 {
			err = fmt.Errorf("%w; what has arrived stays, and the same call goes on from there", err)
		}
		return nil, fmt.Errorf("hub: %s: %w", name, err)
	}
	return pulled, nil
}

// puller is one call of [Pull].
type puller struct {
	kind                 Kind
	choose               func(files []string) []string
	name, repo, revision string
	commit               string // 40 hexadecimal digits, known after list
	root                 string // directory of the repository in the cache
	env                  environment
	stall                time.Duration
	retries              int
	progress             *progress
}

func newPuller(name string, opt PullOptions) (*puller, error) {
	repo, revision, err := parse(name)
	if err != nil {
		return nil, err
	}
	env, err := readEnvironment(opt.Kind)
	if err != nil {
		return nil, fmt.Errorf("hub: %s: %w", name, err)
	}
	if opt.Stall <= 0 {
		opt.Stall = time.Minute
	}
	if opt.Retries == 0 {
		opt.Retries = defaultRetries
	}
	return &puller{
		kind: opt.Kind, choose: opt.Choose, name: name, repo: repo, revision: revision, env: env, stall: opt.Stall, retries: max(opt.Retries, 0), progress: &progress{to: opt.Recorder},
		root: filepath.Join(env.cache, string(opt.Kind)+"s--"+strings.ReplaceAll(repo, "/", "--")),
	}, nil
}

func (p *puller) pull(ctx context.Context) (*Pulled, error) {
	began := time.Now()
	listed, err := p.list(ctx)
	if err != nil {
		return nil, err
	}
	files, err := p.chooseFiles(listed.Siblings)
	if err != nil {
		return nil, err
	}
	p.commit = listed.Commit
	for i := range files {
		if err := p.identify(ctx, &files[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", files[i].name, err)
		}
	}
	if err := p.fetchAll(ctx, files); err != nil {
		return nil, err
	}
	if err := p.publish(files); err != nil {
		return nil, err
	}
	dir, err := Resolve(p.kind, p.name)
	return &Pulled{
		Name: p.name, Dir: dir, Commit: p.commit, Files: len(files), Bytes: total(files),
		Fetched: p.progress.network, Resumed: p.progress.resumed, Seconds: time.Since(began).Seconds(),
	}, err
}

// tidy removes the directories of a repository of which nothing was kept. Those that hold anything stay.
func (p *puller) tidy() {
	for _, dir := range []string{"blobs", "snapshots", "refs", ""} {
		_ = os.Remove(filepath.Join(p.root, dir))
	}
}
