package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxListing bounds the answer that lists a repository; real ones with thousands of files have a few megabytes.
const maxListing = 64 << 20

// listing is what is needed of the hub's description of a repository at a revision
// (https://huggingface.co/docs/hub/api, GET /api/models/{repo}/revision/{revision}, and the same of datasets).
type listing struct {
	Commit   string     `json:"sha"`
	Siblings []*sibling `json:"siblings"`
}

// sibling is one file of a repository.
type sibling struct {
	Name   string `json:"rfilename"`
	Size   int64  `json:"size"`
	BlobID string `json:"blobId"`
	LFS    *struct {
		SHA256 string `json:"sha256"`
		Size   int64  `json:"size"`
	} `json:"lfs"`
}

var isCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// list asks the hub which commit the revision is, and for its files with their digests.
func (p *puller) list(ctx context.Context) (*listing, error) {
	address := fmt.Sprintf("%s/api/%ss/%s/revision/%s?blobs=true", p.env.endpoint, p.kind, p.repo, url.PathEscape(p.revision))
	var raw []byte
	err := p.ask(ctx, func() error {
		a, err := p.send(ctx, request{method: http.MethodGet, address: address})
		if err != nil {
			return err
		}
		defer a.Close()
		raw, err = io.ReadAll(io.LimitReader(a, maxListing+1))
		return err
	})
	if err != nil {
		return nil, err
	}
	return p.readListing(raw)
}

func (p *puller) readListing(raw []byte) (*listing, error) {
	var l listing
	if len(raw) > maxListing {
		return nil, fmt.Errorf("%w: the list of files has more than %d bytes", ErrUnsafe, maxListing)
	}
	if err := json.Unmarshal(raw, &l); err != nil {
		return nil, fmt.Errorf("%w: expected the list of files as JSON: %w; is HF_ENDPOINT (%s) a Hugging Face hub?", ErrUnsafe, err, p.env.endpoint)
	}
	if !isCommit.MatchString(l.Commit) {
		return nil, fmt.Errorf("%w: expected a commit of 40 hexadecimal digits as sha, found %.60q", ErrUnsafe, l.Commit)
	}
	if isCommit.MatchString(p.revision) && p.revision != l.Commit {
		return nil, fmt.Errorf("%w: asked for the commit %s, found %s", ErrUnsafe, p.revision, l.Commit)
	}
	return &l, nil
}

// wanted are the files of a model, as patterns of path.Match. All lie at the top of a repository: folders hold other formats.
var wanted = []string{
	configName, "generation_config.json", weightsName, shardNames, indexName,
	"tokenizer*.json", "tokenizer*.txt", "tokenizer*.jinja", "*.model", "vocab.json", "vocab.txt", "merges.txt",
	"special_tokens_map.json", "added_tokens.json", "chat_template.json", "chat_template.jinja",
}

const (
	configName  = "config.json"
	weightsName = "model.safetensors"
	indexName   = "model.safetensors.index.json"
	shardNames  = "model-*-of-*.safetensors" // a pattern
)

// file is one file of a repository.
type file struct {
	name string // with the folders that it lies in, for a data set's
	etag string // the digest in hexadecimal, by which the cache names it; empty when not listed
	size int64  // -1 when not listed
	hash hashKind
}

// isFileName is what the name of a file or a folder may be: it goes into a path and, unescaped, into an address.
var isFileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+=-]{0,200}$`)

// isPlainPath looks at all names of a path.
func isPlainPath(name string) bool {
	return !slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return !isFileName.MatchString(part) })
}

// chooseFiles picks the files to fetch. One name that could lead out of a directory, wanted or not, refuses the whole repository.
func (p *puller) chooseFiles(siblings []*sibling) ([]file, error) {
	var files []file
	seen := map[string]bool{}
	for _, s := range siblings {
		if s == nil || !fs.ValidPath(s.Name) || strings.ContainsAny(s.Name, "\\:\x00") {
			return nil, fmt.Errorf("%w: it lists a file with the name %.80q, which is no path inside a repository", ErrUnsafe, nameOf(s))
		}
		if p.kind == Model && !isWanted(s.Name) || p.kind == Dataset && !isDataName(s.Name) {
			continue
		}
		fold := strings.ToLower(s.Name) // some file systems cannot tell the two
		if !isPlainPath(s.Name) || seen[fold] {
			return nil, fmt.Errorf("%w: it lists the file %.80q, a name that is there twice or has characters other than letters, digits and ._+-=", ErrUnsafe, s.Name)
		}
		seen[fold] = true
		f, err := newFile(s)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	if p.kind == Dataset {
		return p.chooseData(files, siblings)
	}
	return withoutTwins(files), checkModel(siblings, seen)
}

func nameOf(s *sibling) string {
	if s == nil {
		return ""
	}
	return s.Name
}

func isWanted(name string) bool {
	for _, pattern := range wanted {
		if ok, _ := path.Match(pattern, name); ok {
			return true
		}
	}
	return false
}

// withoutTwins leaves out the shards where a repository has the weights in one file as well, which is what is opened then, here and by
// Hugging Face transformers.
func withoutTwins(files []file) []file {
	isWhole := slices.ContainsFunc(files, func(f file) bool { return f.name == weightsName })
	return slices.DeleteFunc(files, func(f file) bool {
		isShard, _ := path.Match(shardNames, f.name)
		return isWhole && (isShard || f.name == indexName)
	})
}

// checkModel tells, before anything is fetched, what a repository without a readable model holds in its place.
func checkModel(siblings []*sibling, seen map[string]bool) error {
	var found []string
	for _, s := range siblings {
		if ext := path.Ext(s.Name); ext == ".safetensors" || ext == ".bin" || ext == ".gguf" || ext == ".pth" || ext == ".pt" || ext == ".h5" || ext == ".msgpack" {
			found = append(found, s.Name)
		}
	}
	found = found[:min(len(found), 4)]
	if !seen[configName] {
		return fmt.Errorf("%w: expected a %s among its %d files, found none (weights in other formats: %.80q)", ErrNoModel, configName, len(siblings), found)
	}
	for name := range seen {
		if strings.HasSuffix(name, ".safetensors") {
			return nil
		}
	}
	return fmt.Errorf("%w: expected weights in model.safetensors or in shards of it, found %.80q; take a revision or a repository with the weights converted "+
		"(the hub offers a conversion at @refs/pr/N for many), pickled weights are not read because reading them runs code", ErrNoModel, found)
}
