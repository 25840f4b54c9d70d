//go:build goexperiment.simd

package gomlxops

func warnWithoutSIMD(string) {}
