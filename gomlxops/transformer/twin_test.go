package transformer

import (
	"math"

	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// The twins: decoders as their papers and Hugging Face's modeling files have them, in float64 loops over one sequence, on tensors by the
// names that lie in the file. They share nothing with the code that is tested. x is rows of channels throughout.

type rows = [][]float64

// weightsOf are the tensors of a file.
type weightsOf map[string]oracle.Array

// linear is x Wᵀ + b; b is left out where the file has none.
func (w weightsOf) linear(name string, x rows) rows {
	m, bias := w[name+".weight"], w[name+".bias"].Data
	out, in := m.Shape[0], m.Shape[1]
	y := make(rows, len(x))
	for t := range x {
		y[t] = make([]float64, out)
		for i := range out {
			if bias != nil {
				y[t][i] = bias[i]
			}
			for j := range in {
				y[t][i] += m.Data[i*in+j] * x[t][j]
			}
		}
	}
	return y
}

// lookup is the rows of a table.
func (w weightsOf) lookup(name string, at []int) rows {
	m := w[name+".weight"]
	y := make(rows, len(at))
	for t, i := range at {
		y[t] = append([]float64(nil), m.Data[i*m.Shape[1]:(i+1)*m.Shape[1]]...)
	}
	return y
}

// rmsNorm is over groups of as many channels as the scale has.
func (w weightsOf) rmsNorm(name string, x rows, eps float64) rows {
	g := w[name+".weight"].Data
	y := make(rows, len(x))
	for t := range x {
		for from := 0; from < len(x[t]); from += len(g) {
			mean := 0.0
			for i := range g {
				mean += x[t][from+i] * x[t][from+i] / float64(len(g))
			}
			for i := range g {
				y[t] = append(y[t], g[i]*x[t][from+i]/math.Sqrt(mean+eps))
			}
		}
	}
	return y
}

func (w weightsOf) layerNorm(name string, x rows, eps float64) rows {
	g, b := w[name+".weight"].Data, w[name+".bias"].Data
	y := make(rows, len(x))
	for t := range x {
		mean, variance := 0.0, 0.0
		for _, v := range x[t] {
			mean += v / float64(len(g))
		}
		for _, v := range x[t] {
			variance += (v - mean) * (v - mean) / float64(len(g))
		}
		for i, v := range x[t] {
			y[t] = append(y[t], g[i]*(v-mean)/math.Sqrt(variance+eps)+b[i])
		}
	}
	return y
}

// turn rotates channel j of each head with channel j+hd/2 by position times frequency, and multiplies by scale.
func turn(x rows, hd int, freq []float64, scale float64) rows {
	y := make(rows, len(x))
	for t := range x {
		y[t] = make([]float64, len(x[t]))
		for from := 0; from < len(x[t]); from += hd {
			for j, f := range freq {
				a, b := x[t][from+j], x[t][from+j+hd/2]
				s, c := math.Sincos(float64(t) * f)
				y[t][from+j], y[t][from+j+hd/2] = scale*(a*c-b*s), scale*(b*c+a*s)
			}
		}
	}
	return y
}

// attend is causal attention over heads of hd channels; position i sees the last window positions, its own among them, or all if 0.
func attend(q, k, v rows, hd, window int) rows {
	rep := len(q[0]) / len(k[0])
	y := make(rows, len(q))
	for i := range q {
		y[i] = make([]float64, len(q[i]))
		for h := range len(q[i]) / hd {
			g, sum := h/rep, 0.0
			for j := 0; j <= i; j++ {
				if window > 0 && i-j >= window {
					continue
				}
				dot := 0.0
				for c := range hd {
					dot += q[i][h*hd+c] * k[j][g*hd+c]
				}
				p := math.Exp(dot / math.Sqrt(float64(hd)))
				sum += p
				for c := range hd {
					y[i][h*hd+c] += p * v[j][g*hd+c]
				}
			}
			for c := range hd {
				y[i][h*hd+c] /= sum
			}
		}
	}
	return y
}

// both combines two arrays number by number.
func both(x, y rows, f func(a, b float64) float64) rows {
	z := make(rows, len(x))
	for t := range x {
		for i := range x[t] {
			z[t] = append(z[t], f(x[t][i], y[t][i]))
		}
	}
	return z
}

func plus(a, b float64) float64 { return a + b }

func silu(a, b float64) float64 { return a / (1 + math.Exp(-a)) * b }

// llamaTwin is LlamaForCausalLM, and with its fields set MistralForCausalLM, Qwen2ForCausalLM and Qwen3ForCausalLM; see
// modeling_llama.py, modeling_mistral.py, modeling_qwen2.py and modeling_qwen3.py of Hugging Face transformers. A linear has a bias
// where the file has one. It returns the residual streams before, between and behind the blocks, and the logits.
type llamaTwin struct {
	layers, hd int
	eps        float64
	freq       []float64
	freqAt     func(t int) []float64 // where not nil, of each position its own
	scale      float64
	window     func(layer int) int
	headNorms  bool
	head       string
}

func (m llamaTwin) run(w weightsOf, tokens []int32) (hidden []rows, logits rows) {
	at := make([]int, len(tokens))
	for t, id := range tokens {
		at[t] = int(id)
	}
	h := w.lookup("model.embed_tokens", at)
	hidden = []rows{h}
	for l := range m.layers {
		name := "model.layers." + string(rune('0'+l))
		x := w.rmsNorm(name+".input_layernorm", h, m.eps)
		q, k, v := w.linear(name+".self_attn.q_proj", x), w.linear(name+".self_attn.k_proj", x), w.linear(name+".self_attn.v_proj", x)
		if m.headNorms {
			q, k = w.rmsNorm(name+".self_attn.q_norm", q, m.eps), w.rmsNorm(name+".self_attn.k_norm", k, m.eps)
		}
		o := attend(m.turn(q), m.turn(k), v, m.hd, m.window(l))
		h = both(h, w.linear(name+".self_attn.o_proj", o), plus)
		x = w.rmsNorm(name+".post_attention_layernorm", h, m.eps)
		mid := both(w.linear(name+".mlp.gate_proj", x), w.linear(name+".mlp.up_proj", x), silu)
		h = both(h, w.linear(name+".mlp.down_proj", mid), plus)
		hidden = append(hidden, h)
	}
	return hidden, w.linear(m.head, w.rmsNorm("model.norm", h, m.eps))
}

func (m llamaTwin) turn(x rows) rows {
	if m.freqAt == nil {
		return turn(x, m.hd, m.freq, m.scale)
	}
	y := make(rows, len(x))
	for t := range x {
		y[t] = turn(x[:t+1], m.hd, m.freqAt(t), m.scale)[t]
	}
	return y
}

// optTwin is OPTForCausalLM with do_layer_norm_before; see modeling_opt.py: positions begin at row 2 of their table.
type optTwin struct{ layers, hd int }

func (m optTwin) run(w weightsOf, tokens []int32) (hidden []rows, logits rows) {
	const eps = 1e-5
	at, places := make([]int, len(tokens)), make([]int, len(tokens))
	for t, id := range tokens {
		at[t], places[t] = int(id), t+2
	}
	h := both(w.lookup("model.decoder.embed_tokens", at), w.lookup("model.decoder.embed_positions", places), plus)
	hidden = []rows{h}
	for l := range m.layers {
		name := "model.decoder.layers." + string(rune('0'+l))
		x := w.layerNorm(name+".self_attn_layer_norm", h, eps)
		o := attend(w.linear(name+".self_attn.q_proj", x), w.linear(name+".self_attn.k_proj", x), w.linear(name+".self_attn.v_proj", x), m.hd, 0)
		h = both(h, w.linear(name+".self_attn.out_proj", o), plus)
		x = w.linear(name+".fc1", w.layerNorm(name+".final_layer_norm", h, eps))
		h = both(h, w.linear(name+".fc2", both(x, x, func(a, _ float64) float64 { return math.Max(a, 0) })), plus)
		hidden = append(hidden, h)
	}
	return hidden, w.linear("model.decoder.embed_tokens", w.layerNorm("model.decoder.final_layer_norm", h, eps))
}

// Rotary frequencies as modeling_rope_utils.py of Hugging Face transformers has them, in its own order of steps.

func plainFreq(theta float64, hd int) []float64 {
	var freq []float64
	for i := 0; i < hd; i += 2 {
		freq = append(freq, 1/math.Pow(theta, float64(i)/float64(hd)))
	}
	return freq
}

func linearFreq(theta float64, hd int, factor float64) []float64 {
	freq := plainFreq(theta, hd)
	for j := range freq {
		freq[j] /= factor
	}
	return freq
}

func dynamicFreq(theta float64, hd int, factor float64, longest, length int) []float64 {
	length = max(length, longest)
	base := theta * math.Pow(factor*float64(length)/float64(longest)-(factor-1), float64(hd)/float64(hd-2))
	return plainFreq(base, hd)
}

func llama3Freq(theta float64, hd int, factor, low, high, original float64) []float64 {
	freq := plainFreq(theta, hd)
	for j, f := range freq {
		wave := 2 * math.Pi / f
		smooth := (original/wave - low) / (high - low)
		if wave > original/low {
			freq[j] = f / factor
		} else if wave >= original/high {
			freq[j] = (1-smooth)*(f/factor) + smooth*f
		}
	}
	return freq
}

func yarnFreq(theta float64, hd int, factor, fast, slow, original float64, truncate bool) []float64 {
	dim := float64(hd)
	correction := func(rotations float64) float64 {
		return dim * math.Log(original/(rotations*2*math.Pi)) / (2 * math.Log(theta))
	}
	low, high := correction(fast), correction(slow)
	if truncate {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = math.Max(low, 0), math.Min(high, dim-1)
	var freq []float64
	for j, f := range plainFreq(theta, hd) {
		ramp := math.Max(0, math.Min(1, (float64(j)-low)/(high-low)))
		extrapolation, interpolation, keep := f, f/factor, 1-ramp
		freq = append(freq, interpolation*(1-keep)+extrapolation*keep)
	}
	return freq
}
