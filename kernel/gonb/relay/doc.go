// Package relay stands between Jupyter and GoNB, as the kernel that Jupyter starts.
//
//	err := relay.Serve(ctx, relay.Options{Front: connection, Kernel: kernel})   // returns when the kernel is shut down
//
// It passes messages on as the frames that they came in, and adds what GoNB leaves to be wished:
//
//   - It runs a preamble silently, and tells each cell its id through the environment variable PARE_CELL.
//   - It drops messages with a wrong signature; GoNB ends at the first.
//   - It holds back cells that were queued behind another, and answers "aborted" for them when that one fails.
//   - It answers is_complete, history and comm_info requests, on which GoNB is silent; kernel_info at once, also while a cell
//     runs; interrupt and shutdown on the socket that they came from; and interrupts a cell that is still being compiled.
//   - It completes an execute_request that lacks a field, which would end GoNB, and an execute_reply that lacks its count.
//
// One goroutine owns all state: it takes what the sockets received one by one. Nothing is kept of a cell's output.
package relay
