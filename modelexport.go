package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parelab/pare/kernel/lab"
	"github.com/parelab/pare/kernel/show"
)

func newModelExportCommand() *cobra.Command {
	var opt lab.Exporting
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export MODEL OUT",
		Short: "write a model for other programs",
		Long: `Write MODEL to OUT in a format that other programs load.

hf makes a directory in Hugging Face layout: an ordinary checkpoint where shapes are uniform and matrices whole. Otherwise a program for PyTorch lies
beside, which AutoModelForCausalLM.from_pretrained(OUT, trust_remote_code=True) takes: factors stay factors and layers keep their sizes.

gguf makes a file for llama.cpp, with the tokenizer, of models that its architectures compute: LLaMA (also with layers of different sizes), Mistral,
Qwen2, Qwen3, ChatGLM and GPT-2.

onnx makes a directory with a graph of ONNX's operator set 17 and its weights, of every model but those with dynamic scaling of positions; factors stay.
It takes texts of any length and keeps no keys and values between calls; --check is not for it.

--merge multiplies factors out, so that stock programs load the result, at the size of the dense model.`,
		Example: "  pare model export out/pruned out/hf --check\n  pare model export pocket out/pocket.gguf --format gguf --dtype q8_0 --check\n  pare model export out/lowrank out/merged --merge",
		Args:    exactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(lab.ExportFormats, opt.Format) {
				return usageError{fmt.Errorf("expected --format %s, found %q", strings.Join(lab.ExportFormats, ", "), opt.Format)}
			}
			l, m, err := openModel(args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			opt.Out = args[1]
			done, err := l.Export(cmd.Context(), m, opt)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), done)
			}
			return show.Print(cmd.OutOrStdout(), done.Facts())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opt.Format, "format", lab.ExportFormats[0], strings.Join(lab.ExportFormats, ", "))
	flags.StringVar(&opt.DType, "dtype", "", "of the weights: hf bf16, f16 or f32 (default as the model's), gguf f32, f16, bf16 or q8_0 (default f16), onnx f32 or f16 (default f32)")
	flags.StringVar(&opt.Adapter, "adapter", "", "directory of an adapter to work into the weights: PEFT's LoRA, or ours")
	flags.BoolVar(&opt.Merge, "merge", false, "multiply factors out into whole matrices")
	flags.BoolVar(&opt.Check, "check", false, "read the export back and compare logits on a fixed prompt")
	flags.BoolVar(&opt.WithoutTokenizer, "without-tokenizer", false, "of gguf: leave the tokenizer out")
	flags.BoolVar(&opt.Overwrite, "overwrite", false, "replace an earlier export")
	flags.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
