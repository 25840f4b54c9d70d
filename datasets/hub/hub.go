// Package hub finds models and data sets of the Hugging Face hub in the cache that Python and other programs share, and pulls
// them into it.
//
//	dir, err := hub.Resolve(hub.Model, "meta-llama/Llama-2-7b-hf@main") // no network
//	pulled, err := hub.Pull(ctx, "meta-llama/Llama-2-7b-hf", hub.PullOptions{})
//	pulled, err = hub.Pull(ctx, "yahma/alpaca-cleaned", hub.PullOptions{Kind: hub.Dataset})
//
// # The cache
//
// It is the directory HF_HUB_CACHE, or by its older name HUGGINGFACE_HUB_CACHE, else HF_HOME/hub, else huggingface/hub in XDG_CACHE_HOME or ~/.cache. In it a model org/name
// at a revision is models--org--name/snapshots/COMMIT, and refs/REVISION holds the commit
// (https://huggingface.co/docs/huggingface_hub/guides/manage-cache).
//
// # Pulling
//
// [Pull] names each file in blobs/ by its content's digest, as huggingface_hub does, checks the content against it, and makes the
// snapshot appear at once when all files are there; the reference comes last. What was broken off is in no snapshot. It lies
// in blobs/ with .incomplete behind its name, where the next call goes on with it by asking for the missing range of bytes; locks keep
// two programs apart. Marks and locks are those of huggingface_hub, so that each goes on with what the other left.
//
// The downloads are net/http's. go-huggingface v0.4.12 was tried: it asks for no ranges, removes what it has of a file that was cut,
// follows no HF_HOME, HF_HUB_CACHE, HF_TOKEN and HF_HUB_OFFLINE, and takes digests and commits from the server as parts of paths without a look at them.
//
// # What it does not do
//
// Nothing that is pulled is ever executed, and files that could be (Python code, pickled weights) are not fetched. Of data sets those
// files are fetched that are read here: JSON, JSON lines and Parquet, with the card.
package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Kind is the kind of a repository on the hub, as the cache spells it.
type Kind string

// The kinds that are read here.
const (
	Model   Kind = "model"
	Dataset Kind = "dataset"
)

// Errors of [Resolve], to be told apart with errors.Is.
var (
	ErrName      = errors.New("not a name of the Hugging Face hub")
	ErrNotCached = errors.New("not in the local Hugging Face cache")
)

// defaultRevision is the revision of a name that gives none.
const defaultRevision = "main"

// nameParts is what the hub allows between slashes. No part begins with a dot, so none leads out of the cache.
var nameParts = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,95}$`)

// CacheDir returns the directory of the cache; it need not exist.
func CacheDir() (string, error) {
	for _, name := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"} { // the latter is its older name
		if dir := os.Getenv(name); dir != "" {
			return expandHome(dir)
		}
	}
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return expandHome(filepath.Join(dir, "hub"))
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return expandHome(filepath.Join(dir, "huggingface", "hub"))
	}
	return expandHome(filepath.Join("~", ".cache", "huggingface", "hub"))
}

func expandHome(dir string) (string, error) {
	rest, ok := strings.CutPrefix(dir, "~")
	if !ok || rest != "" && rest[0] != filepath.Separator {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("hub: no home directory for the Hugging Face cache: %w; set HF_HOME", err)
	}
	return filepath.Join(home, rest), nil
}

// parse divides a name into repository and revision.
func parse(name string) (repo, revision string, err error) {
	repo, revision, given := strings.Cut(name, "@")
	if !given {
		revision = defaultRevision
	}
	parts := strings.Split(repo, "/")
	for _, p := range parts {
		if len(parts) > 2 || !nameParts.MatchString(p) || strings.Contains(p, "--") || strings.Contains(p, "..") {
			return "", "", fmt.Errorf("hub: %q: %w: expected org/name, or name alone as in gpt2, and @revision behind it where that is not main", name, ErrName)
		}
	}
	for _, p := range strings.Split(revision, "/") { // a branch may have slashes: refs/pr/1
		if !nameParts.MatchString(p) {
			return "", "", fmt.Errorf("hub: %q: %w: expected a branch, tag or commit after @, found %q", name, ErrName, revision)
		}
	}
	return repo, revision, nil
}

// Resolve returns the directory of org/name, or name alone for the oldest of the hub, with @ and a branch, a tag or a commit (seven digits
// of it or more) where it is not main. A directory with files that were not downloaded completely is an error.
func Resolve(kind Kind, name string) (string, error) {
	repo, revision, err := parse(name)
	if err != nil {
		return "", err
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	root := filepath.Join(cache, string(kind)+"s--"+strings.ReplaceAll(repo, "/", "--"))
	missing := func(what string) error {
		return fmt.Errorf("hub: %s %s: %w: %s; %s, set HF_HOME or HF_HUB_CACHE to the cache that has it, "+
			"or give the path of a directory instead", kind, name, ErrNotCached, what, howToGet(kind, name, cache))
	}
	if _, err := os.Stat(root); err != nil {
		return "", missing("no directory " + root)
	}
	commit, err := commitOf(root, revision)
	if err != nil {
		return "", fmt.Errorf("hub: %s %s: %w", kind, name, err)
	}
	dir := filepath.Join(root, "snapshots", commit)
	if info, err := os.Stat(dir); commit == "" || err != nil || !info.IsDir() {
		return "", missing("no revision " + revision + " in " + root)
	}
	if err := complete(dir); err != nil {
		return "", missing(err.Error())
	}
	return dir, nil
}

// howToGet says how something comes into the cache, or under which name it is there.
func howToGet(kind Kind, name, cache string) string {
	repo, _, _ := strings.Cut(name, "@")
	if found, _ := filepath.Glob(filepath.Join(cache, string(kind)+"s--*--"+repo)); !strings.Contains(repo, "/") && len(found) > 0 {
		other := strings.TrimPrefix(filepath.Base(found[0]), string(kind)+"s--")
		return "the cache has " + strings.Replace(other, "--", "/", 1) + ": give that name if it is meant"
	}
	get := "fetch it with 'pare " + map[Kind]string{Model: "model", Dataset: "data"}[kind] + " pull " + name + "'"
	if variable := offline(); variable != "" {
		get += " once " + variable + " no longer forbids the network"
	}
	return get
}

// commitOf turns a revision into the name of a snapshot, "" where there is none.
func commitOf(root, revision string) (string, error) {
	ref := filepath.Join(root, "refs", filepath.FromSlash(revision))
	raw, err := os.ReadFile(ref)
	if err == nil {
		commit := strings.TrimSpace(string(raw))
		if !nameParts.MatchString(commit) {
			return "", fmt.Errorf("%s: expected a commit, found %.60q", ref, raw)
		}
		return commit, nil
	}
	snapshots, err := os.ReadDir(filepath.Join(root, "snapshots"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	found := ""
	for _, s := range snapshots {
		if s.Name() == revision {
			return revision, nil
		}
		if len(revision) >= 7 && strings.HasPrefix(s.Name(), revision) {
			if found != "" {
				return "", fmt.Errorf("revision %s: both %s and %s begin so", revision, found, s.Name())
			}
			found = s.Name()
		}
	}
	return found, nil
}

// complete checks that dir has files and that the links among them lead to something.
func complete(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return fmt.Errorf("%s is empty", dir)
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("%s was not downloaded completely: %w", filepath.Join(dir, e.Name()), err)
		}
	}
	return nil
}
