// Package show turns results into what people look at: tables, charts, heat maps, facts and progress. The same value becomes a
// self-contained HTML fragment for a notebook cell or a page, and aligned text for a terminal. Begin with [Display]:
//
//	show.Display(show.Table{
//		Title:   "Perplexity on the test stream",
//		Columns: []show.Column{{Name: "method"}, {Name: "ratio", Format: show.Percent}, {Name: "perplexity", Best: show.Min}},
//		Rows:    [][]any{{"dense", 0.0, 4.31}, {"pcm", 0.2, 4.67}, {"svd", 0.2, 9.02}},
//	})
//
// # The steps
//
//  1. A result is put into a [Table], [Chart], [Panels], [HeatMap], [Parallel], [Network], [Bars] or [Facts]; each is plain data whose
//     zero value works, and each is a [Fragment].
//  2. [Fragment.HTML] writes it as one figure element with its own style sheet and inline SVG; [Fragment.Text] writes it for a
//     terminal of a given width.
//  3. [Display] chooses between them: in a GoNB cell it sends both forms through the kernel's pipe and waits until they have
//     arrived; anywhere else it prints the text on standard output.
//  4. [Progress] is the moving counterpart, a recorder of stages and metrics that long operations report to.
//
// # What is never hidden
//
// A number that is not finite is written as NaN, Inf or -Inf in a table, hatched in a heat map, and left as a gap in a chart
// whose caption counts what was not drawn. A text too long for its place is cut with "…", the whole of it staying in the
// HTML as a hover text. Every text passes through one escaping function, which also replaces control characters, so that
// neither markup nor a terminal can be taken over by a file name.
//
// # Why not a plotting library
//
// The libraries at hand draw images or call a script from elsewhere. A notebook wants hover texts, light and dark from the
// same output, text that can be selected and read aloud, no fonts to ship, figures that survive export to one HTML file
// without JavaScript, and a cell that still compiles in about a second. A few hundred lines of SVG give all that; a plotting
// library gives none of it together. What is given up: zooming, three dimensions, and chart types by the dozen.
//
// # What it does not do
//
// It computes no statistics (bands and means come from the caller), lays out no pages, and keeps nothing between calls.
package show
