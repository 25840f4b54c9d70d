package export

import (
	_ "embed"

	"github.com/parelab/pare/gomlxops/transformer"
)

//go:embed modeling_pare.py
var programText []byte

const programName = "modeling_pare.py"

// program is what runs a model that stock programs cannot.
func program() *transformer.Code {
	return &transformer.Code{
		Files:        map[string][]byte{programName: programText},
		Architecture: "PareForCausalLM",
		AutoMap: map[string]string{
			"AutoConfig":           "modeling_pare.PareConfig",
			"AutoModelForCausalLM": "modeling_pare.PareForCausalLM",
		},
	}
}
