package datasets

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/parelab/pare/datasets/hub"
)

// Find returns the file or directory of a name, and the part that stands behind a colon in it: of the path of a file or directory, or of org/name[@revision]
// of a data set in the Hugging Face hub's cache.
func Find(name string) (place, part string, err error) {
	if _, err := os.Stat(name); err == nil {
		return name, "", nil
	}
	head, part := name, ""
	if colon := strings.IndexByte(name, ':'); colon >= 0 {
		head, part = name[:colon], name[colon+1:]
	}
	if _, err := os.Stat(head); err == nil {
		return head, part, nil
	}
	dir, err := hub.Resolve(hub.Dataset, head)
	if err != nil {
		return "", "", missing{fmt.Errorf("%q is no file or directory, nor \"pocket\": %w", name, err)}
	}
	return dir, part, nil
}

// missing is an error that is fs.ErrNotExist too.
type missing struct{ error }

func (e missing) Unwrap() []error { return []error{e.error, fs.ErrNotExist} }
