package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/internal/durable"
	"github.com/parelab/pare/kernel/gonb"
	"github.com/parelab/pare/kernel/gonb/relay"
)

// kernelName is the name of our kernelspec, and of its directory.
const kernelName = "pare"

// kernelSpec is the content of a kernel.json.
type kernelSpec struct {
	Argv          []string          `json:"argv"`
	DisplayName   string            `json:"display_name"`
	Language      string            `json:"language"`
	InterruptMode string            `json:"interrupt_mode"`
	Env           map[string]string `json:"env"`
	Metadata      map[string]any    `json:"metadata"`
}

func newKernelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kernel",
		Short: "the kernel that Jupyter starts",
		Args:  exactArgs(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKernelInstall(), newKernelUninstall(), newKernelDoctor(), newKernelServe())
	return cmd
}

// kernelDir returns where Jupyter looks for our kernelspec: below prefix, else in the user's own data directory.
func kernelDir(prefix string) (string, error) {
	if prefix != "" {
		full, err := filepath.Abs(prefix)
		return filepath.Join(full, "share", "jupyter", "kernels", kernelName), err
	}
	data := os.Getenv("JUPYTER_DATA_DIR")
	if data == "" {
		home, err := os.UserHomeDir()
		switch xdg := os.Getenv("XDG_DATA_HOME"); {
		case runtime.GOOS == "darwin" && err == nil:
			data = filepath.Join(home, "Library", "Jupyter")
		case xdg != "":
			data = filepath.Join(xdg, "jupyter")
		case err != nil:
			return "", fmt.Errorf("no place for the kernelspec: %w; use --prefix", err)
		default:
			data = filepath.Join(home, ".local", "share", "jupyter")
		}
	}
	return filepath.Join(data, "kernels", kernelName), nil
}

// placeFlags adds the flags that say whose Jupyter is meant.
func placeFlags(cmd *cobra.Command, prefix *string) {
	cmd.Flags().StringVar(prefix, "prefix", "", "the directory that holds Jupyter's share/jupyter, as a virtual environment")
	cmd.Flags().Bool("user", true, "the user's own Jupyter data directory; the default")
	cmd.MarkFlagsMutuallyExclusive("prefix", "user")
}

func newKernelInstall() *cobra.Command {
	var prefix string
	cmd := &cobra.Command{
		Use:   "install",
		Short: "make the kernel known to Jupyter",
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := kernelDir(prefix)
			if err != nil {
				return err
			}
			tools, err := gonb.Build(cmd.Context(), gonb.BuildOptions{Log: cmd.ErrOrStderr()})
			if err != nil {
				return err
			}
			if err := installKernel(dir, tools.Source); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "kernel %q: %s\n", kernelName, dir)
			return err
		},
	}
	placeFlags(cmd, &prefix)
	return cmd
}

// installKernel writes a kernelspec that starts this very program on the module in source.
func installKernel(dir, source string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return err
	}
	if strings.Contains(self, string(filepath.Separator)+"go-build") {
		return fmt.Errorf("%s goes away when it ends: build pare first (make pare), and install with that", self)
	}
	data, err := json.MarshalIndent(kernelSpec{
		Argv:        []string{self, "kernel", "serve", "-f", "{connection_file}"},
		DisplayName: "Go (pare)", Language: "go", InterruptMode: "message",
		Env: map[string]string{gonb.SourceEnv: source}, Metadata: map[string]any{"debugger": false},
	}, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, "kernel.json"), append(data, '\n'))
}

// readSpec reads the kernelspec in dir and checks that it is ours and can start.
func readSpec(dir string) (kernelSpec, error) {
	var spec kernelSpec
	path := filepath.Join(dir, "kernel.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return spec, err
	}
	if err := json.Unmarshal(data, &spec); err != nil {
		return spec, fmt.Errorf("%s: %w", path, err)
	}
	if len(spec.Argv) < 3 || !slices.Equal(spec.Argv[1:3], []string{"kernel", "serve"}) {
		return spec, fmt.Errorf("%s starts %q, which is not pare", path, strings.Join(spec.Argv, " "))
	}
	return spec, nil
}

func newKernelUninstall() *cobra.Command {
	var prefix string
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "remove the kernel from Jupyter",
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := kernelDir(prefix)
			if err != nil {
				return err
			}
			if _, err := readSpec(dir); errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("no kernel %q in %s", kernelName, dir)
			} else if err != nil {
				return err
			}
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", dir)
			return err
		},
	}
	placeFlags(cmd, &prefix)
	return cmd
}

func newKernelServe() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve -f CONNECTION_FILE",
		Short: "be the kernel; Jupyter calls this",
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{errors.New("kernel serve needs -f, the connection file that Jupyter wrote")}
			}
			return serveKernel(context.WithoutCancel(cmd.Context()), file, cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "connection file")
	return cmd
}

// kernelID is how the name of a connection file gives a kernel's id.
var kernelID = regexp.MustCompile(`^kernel-([0-9a-f-]+)\.json$`)

// serveKernel relays until Jupyter shuts the kernel down or goes away. An interrupt is for the running cell.
func serveKernel(ctx context.Context, file string, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	interrupt := make(chan struct{}, 1)
	go heedSignals(ctx, cancel, interrupt)
	go heedParent(ctx, cancel)

	front, err := gonb.ReadConnection(file)
	if err != nil {
		return err
	}
	tools, err := gonb.Build(ctx, gonb.BuildOptions{Log: stderr})
	if err != nil {
		return err
	}
	opt := gonb.Options{Tools: tools, Key: front.Key}
	if m := kernelID.FindStringSubmatch(filepath.Base(file)); m != nil {
		opt.ID = m[1]
	}
	kernel, err := gonb.Start(ctx, opt)
	if err != nil {
		return err
	}
	defer kernel.Stop()
	return relay.Serve(ctx, relay.Options{Front: front, Kernel: kernel, Version: buildVersion().Version, Interrupt: interrupt,
		Log: func(format string, args ...any) { fmt.Fprintf(stderr, "pare kernel: "+format+"\n", args...) }})
}

func heedSignals(ctx context.Context, cancel func(), interrupt chan<- struct{}) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	for {
		select {
		case s := <-signals:
			if s != os.Interrupt {
				cancel()
				return
			}
			select {
			case interrupt <- struct{}{}:
			default:
			}
		case <-ctx.Done():
			return
		}
	}
}

// heedParent cancels when the process that started this one is gone: a Jupyter that was killed shuts no kernel down.
func heedParent(ctx context.Context, cancel func()) {
	parent := os.Getppid()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
			if os.Getppid() != parent {
				cancel()
				return
			}
		}
	}
}
