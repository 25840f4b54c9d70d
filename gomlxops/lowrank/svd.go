package lowrank

// plain is the truncated singular value decomposition of the weight, W ≈ U_r S_r V_rᵀ, which needs no calibration: least
// ‖W − BA‖_F, and a poor compressor, since it knows nothing of the inputs. U_r U_rᵀ W is that very matrix. The energies are squared
// singular values, so that Discarded(r) = ‖W − BA‖²_F. There is no bias.
type plain struct{}

func (plain) analyse(p problem) (*analysis, error) {
	return leftVectors(p.w, p.linear.Out, p.linear.In)
}

func squares(s []float64) []float64 {
	out := make([]float64, len(s))
	for i, v := range s {
		out[i] = v * v
	}
	return out
}
