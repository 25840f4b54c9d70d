package show_test

import (
	"os"

	"github.com/parelab/pare/kernel/show"
)

func ExampleTable() {
	_ = show.Print(os.Stdout, show.Table{
		Title: "Perplexity on the test stream",
		Columns: []show.Column{
			{Name: "method"}, {Name: "ratio", Format: show.Percent},
			{Name: "parameters", Format: show.Count}, {Name: "perplexity", Best: show.Min},
		},
		Rows: [][]any{
			{"dense", 0.0, 4_212_992, show.Estimate{Value: 4.312, Spread: 0.021}},
			{"pcm", 0.2, 3_527_168, show.Estimate{Value: 4.671, Spread: 0.024}},
			{"svd", 0.2, 3_527_168, show.Estimate{Value: 9.02, Spread: 0.11}},
		},
	})
	// Output:
	// Perplexity on the test stream
	//
	// method  ratio  parameters     perplexity
	// ──────  ─────  ──────────  ──────────────
	// dense      0%       4.21M  4.312 ± 0.021*
	// pcm       20%       3.53M  4.671 ± 0.024
	// svd       20%       3.53M  9.020 ± 0.110
	// * best of its column
}

func ExampleChart() {
	ratios := []float64{0.1, 0.2, 0.3, 0.4, 0.5}
	_ = show.Print(os.Stdout, show.Chart{
		Title: "What compression costs",
		X:     show.Axis{Label: "ratio", Format: show.Percent},
		Y:     show.Axis{Label: "perplexity"},
		Series: []show.Series{
			{Name: "pcm", X: ratios, Y: []float64{4.4, 4.7, 5.3, 6.6, 9.4}},
			{Name: "svd", X: ratios, Y: []float64{5.9, 9.0, 15.4, 28, 55}},
		},
		References: []show.Reference{{Label: "dense", At: 4.31}},
	})
	// Output:
	// What compression costs
	//
	// perplexity
	// 60 ┤
	//    │                                                                  ■
	// 50 ┤                                                               ···
	//    │                                                             ··
	//    │                                                          ···
	// 40 ┤                                                        ··
	//    │                                                     ···
	// 30 ┤                                                  ■··
	//    │                                             ·····
	// 20 ┤                                       ······
	//    │                                 ·■····
	//    │                      ···········
	// 10 ┤    ·············■····                          ··●···············●
	//    │╌■╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌●╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌●╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
	//  0 ┤
	//    └─┴───────────────┴────────────────┴───────────────┴───────────────┴─
	//     10%             20%              30%             40%             50%
	//                                    ratio
	// ● pcm  9.4
	// ■ svd  55.0
	// ╌ dense  4.31
}
