// Package prune cuts heads, channels and layers out of a model and makes a smaller one of what is left.
//
//  1. [Of] traces a model's own computation and finds what must be cut together: a [Graph] of [Dimension]s, each a list of [Group]s.
package prune
