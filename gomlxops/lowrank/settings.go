package lowrank

import (
	"fmt"
	"strconv"
	"strings"
)

// Settings refine a method. The zero value takes every method's defaults; a setting that the method does not have is an error,
// so that nothing is asked for in vain.
type Settings struct {
	// Alpha is ASVD's exponent α of the channels' mean size, in (0, 1]; 0 means 0.5, the paper's. Smaller trusts the
	// calibration less; without any trust the method is PlainSVD.
	Alpha float64 `json:"alpha,omitzero"`

	// Centring is what the feature methods do about the mean of the outputs; "" means KeepMean.
	Centring Centring `json:"centring,omitzero"`
}

// Centring says about which point a feature method takes the covariance of the outputs, and whether it adds a bias.
type Centring string

// The centrings, from the least error on the calibration tokens to the most.
const (
	KeepMean  Centring = "mean"      // about the mean, which a bias keeps: Bolaco
	NoBias    Centring = "no-bias"   // about the mean, and the bias left away
	Uncentred Centring = "uncentred" // about zero, no bias: the same factors as SVDLLM
)

const defaultAlpha = 0.5 // ASVD, arXiv 2312.05821, section 3.3 and the released code

// For returns the settings with the method's defaults in place of zeros. Two of them are equal where they ask for the same.
//
// Errors: an unknown method, a setting that the method lacks, one outside its range.
func (s Settings) For(m Method) (Settings, error) {
	if err := m.check(); err != nil {
		return Settings{}, err
	}
	if m != ASVD && s.Alpha != 0 {
		return Settings{}, fmt.Errorf("alpha: method %q has none, found %v; it belongs to %q", m, s.Alpha, ASVD)
	}
	if !m.feature() && s.Centring != "" {
		return Settings{}, fmt.Errorf("centring: method %q has none, found %q; it belongs to %q and %q", m, s.Centring, FeaturePCM, FeatureSCM)
	}
	if m == ASVD {
		return s.forASVD()
	}
	if m.feature() {
		return s.forFeature()
	}
	return s, nil
}

func (s Settings) forASVD() (Settings, error) {
	if s.Alpha == 0 {
		s.Alpha = defaultAlpha
	}
	if !(s.Alpha > 0 && s.Alpha <= 1) {
		return Settings{}, fmt.Errorf("alpha: expected a number above 0 and at most 1, found %v; without scaling the method is %q", s.Alpha, PlainSVD)
	}
	return s, nil
}

func (s Settings) forFeature() (Settings, error) {
	switch s.Centring {
	case "":
		s.Centring = KeepMean
	case KeepMean, NoBias, Uncentred:
	default:
		return Settings{}, fmt.Errorf("centring: expected %q, %q or %q, found %q", KeepMean, NoBias, Uncentred, s.Centring)
	}
	return s, nil
}

// String lists the settings that are not zero: "alpha=0.5". Of what [Settings.For] returned it names everything that a
// result depends on beside model, method and calibration; keys of kept results should hold it.
func (s Settings) String() string {
	var parts []string
	if s.Alpha != 0 {
		parts = append(parts, "alpha="+strconv.FormatFloat(s.Alpha, 'g', -1, 64))
	}
	if s.Centring != "" {
		parts = append(parts, "centring="+string(s.Centring))
	}
	return strings.Join(parts, " ")
}
