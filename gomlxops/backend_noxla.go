//go:build !xla

package gomlxops

const xlaBuiltIn = false
