//go:build xla

package gomlxops

import _ "github.com/gomlx/go-xla/compute/xla" // registers "xla"; never autoinstall, which would download plugins

const xlaBuiltIn = true
