package tracker

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// CaptureOrigin returns what the running process knows of itself: command line, directory, git commit, modules, Go, system. Of the
// environment it takes GOMLX_BACKEND, GOEXPERIMENT and the variables that begin with PARE_, and of those none whose name speaks of a secret.
// The git question is asked once per process.
func CaptureOrigin() Origin {
	o := Origin{
		Command:  redactCommand(os.Args),
		Go:       runtime.Version(),
		System:   runtime.GOOS + "/" + runtime.GOARCH,
		CPUs:     runtime.GOMAXPROCS(0),
		Settings: settings(os.Environ()),
		Modules:  modules(),
	}
	o.Directory, _ = os.Getwd()
	head := gitHead()
	o.Commit, o.Dirty = head.commit, head.dirty
	return o
}

// settings picks the recorded variables out of an environment of NAME=value lines.
func settings(environ []string) map[string]string {
	out := map[string]string{}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		ours := strings.HasPrefix(name, "PARE_") || name == "GOMLX_BACKEND" || name == "GOEXPERIMENT"
		if ours && !isSecret(name) {
			out[name] = redactText(value)
		}
	}
	return out
}

func modules() map[string]string {
	out := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return out
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == "" {
			continue
		}
		out[m.Path] = m.Version
		if m.Replace != nil {
			out[m.Path] = m.Version + " => " + m.Replace.Path + " " + m.Replace.Version
		}
	}
	return out
}

type head struct {
	commit string
	dirty  bool
}

// gitTimeout bounds both git commands, so that a slow network file system delays a first trial and does not stop it.
const gitTimeout = 5 * time.Second

// gitHead asks git about the working directory. Without git or outside a repository both fields are zero.
var gitHead = sync.OnceValue(func() head {
	ctx, cancel := context.WithTimeout(context.Background(), gitTimeout)
	defer cancel()
	commit, err := exec.CommandContext(ctx, "git", "rev-parse", "--verify", "HEAD").Output()
	if err != nil {
		return head{}
	}
	status, err := exec.CommandContext(ctx, "git", "--no-optional-locks", "status", "--porcelain", "--untracked-files=no").Output()
	return head{commit: strings.TrimSpace(string(commit)), dirty: err != nil || len(status) > 0}
})
