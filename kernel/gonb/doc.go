// Package gonb builds and starts the GoNB kernel that go.mod pins, and makes cells compile against this very module.
//
//	tools, err := gonb.Build(ctx, gonb.BuildOptions{Log: os.Stderr})   // once; later a few milliseconds
//	kernel, err := gonb.Start(ctx, gonb.Options{Tools: tools, WorkDir: dir})
//	defer kernel.Stop()
//	sockets, err := kernel.Dial(ctx)
//
// Build keeps its programs in the user's cache directory, under a key made of every module version in go.mod, so that two
// checkouts with the same pins share them and a new pin builds anew.
//
// A kernel compiles cells in a workspace of its own (go.work) that uses the module at [Tools].Source. That file gives cells
// the dependency graph and the checksums of the module, so that they compile from the module cache alone, without network
// and without `go get`; a kernel's first request should therefore be [Preamble].
//
// Nothing outlives a kernel: it runs in a process group of its own, and a watchdog ends that group when this process dies,
// however it dies.
//
// The package speaks no Jupyter: it passes sockets on and reads no message.
package gonb
