//go:build goexperiment.simd && amd64

package matvec

import "simd/archsimd"

// Vectors of 256 bits are enough: from memory, a core reads at most some 16 bytes a nanosecond, and these kernels take that.
//
// The loops call ClearAVXUpperBits before their first scalar operation: Go 1.27 encodes those as SSE, which is slow while the upper
// halves of the registers are in use (golang/go#80835). Bytes are loaded, not numbers, so that rows need not be aligned.

// medium says whether this machine has the vectors; asked at run time, because a binary travels.
var medium = archsimd.X86.AVX2() && archsimd.X86.FMA()

var (
	dots   = map[string]dotKernel{"F32": scalarDot("F32"), "BF16": scalarDot("BF16"), "F16": scalarDot("F16")}
	adders = map[string]addKernel{"F32": scalarAdd("F32"), "BF16": scalarAdd("BF16"), "F16": scalarAdd("F16")}
)

func init() {
	if medium {
		dots = map[string]dotKernel{"F32": dotF32, "BF16": dotBF16, "F16": dotF16}
		adders = map[string]addKernel{"F32": addF32, "BF16": addBF16, "F16": addF16}
	}
}

func loadF32(row []byte) archsimd.Float32x8 { return archsimd.LoadUint8x32(row).AsFloat32x8() }

func loadBF16(row []byte) archsimd.Float32x8 {
	return archsimd.LoadUint8x16(row).AsUint16x8().ExtendToUint32().ShiftAllLeft(16).AsFloat32x8()
}

// halves are the constants of [half].
type halves struct {
	magnitude, sign archsimd.Uint32x8
	scale           archsimd.Float32x8
}

func newHalves() halves {
	return halves{archsimd.BroadcastUint32x8(0x7fff), archsimd.BroadcastUint32x8(0x8000), archsimd.BroadcastFloat32x8(0x1p112)}
}

func (h *halves) load(row []byte) archsimd.Float32x8 {
	x := archsimd.LoadUint8x16(row).AsUint16x8().ExtendToUint32()
	magnitude := x.And(h.magnitude).ShiftAllLeft(13).AsFloat32x8().Mul(h.scale)
	return magnitude.AsUint32x8().Or(x.And(h.sign).ShiftAllLeft(16)).AsFloat32x8()
}

// sum8 adds the lanes of four sums up.
func sum8(a0, a1, a2, a3 archsimd.Float32x8) float32 {
	var t [8]float32
	a0.Add(a1).Add(a2.Add(a3)).StoreArray(&t)
	archsimd.ClearAVXUpperBits()
	return t[0] + t[1] + (t[2] + t[3]) + (t[4] + t[5] + (t[6] + t[7]))
}

func dotF32(row []byte, x []float32) float32 {
	a0 := archsimd.BroadcastFloat32x8(0)
	a1, a2, a3 := a0, a0, a0
	i, n := 0, len(x)
	row = row[:4*n]
	for ; i+32 <= n; i += 32 {
		r, v := row[4*i:4*i+128], x[i:i+32]
		a0 = loadF32(r).MulAdd(archsimd.LoadFloat32x8(v), a0)
		a1 = loadF32(r[32:]).MulAdd(archsimd.LoadFloat32x8(v[8:]), a1)
		a2 = loadF32(r[64:]).MulAdd(archsimd.LoadFloat32x8(v[16:]), a2)
		a3 = loadF32(r[96:]).MulAdd(archsimd.LoadFloat32x8(v[24:]), a3)
	}
	for ; i+8 <= n; i += 8 {
		a0 = loadF32(row[4*i:]).MulAdd(archsimd.LoadFloat32x8(x[i:]), a0)
	}
	return sum8(a0, a1, a2, a3) + dotScalar("F32", row[4*i:], x[i:])
}

func dotBF16(row []byte, x []float32) float32 {
	a0 := archsimd.BroadcastFloat32x8(0)
	a1, a2, a3 := a0, a0, a0
	i, n := 0, len(x)
	row = row[:2*n]
	for ; i+32 <= n; i += 32 {
		r, v := row[2*i:2*i+64], x[i:i+32]
		a0 = loadBF16(r).MulAdd(archsimd.LoadFloat32x8(v), a0)
		a1 = loadBF16(r[16:]).MulAdd(archsimd.LoadFloat32x8(v[8:]), a1)
		a2 = loadBF16(r[32:]).MulAdd(archsimd.LoadFloat32x8(v[16:]), a2)
		a3 = loadBF16(r[48:]).MulAdd(archsimd.LoadFloat32x8(v[24:]), a3)
	}
	for ; i+8 <= n; i += 8 {
		a0 = loadBF16(row[2*i:]).MulAdd(archsimd.LoadFloat32x8(x[i:]), a0)
	}
	return sum8(a0, a1, a2, a3) + dotScalar("BF16", row[2*i:], x[i:])
}

func dotF16(row []byte, x []float32) float32 {
	h := newHalves()
	a0 := archsimd.BroadcastFloat32x8(0)
	a1, a2, a3 := a0, a0, a0
	i, n := 0, len(x)
	row = row[:2*n]
	for ; i+32 <= n; i += 32 {
		r, v := row[2*i:2*i+64], x[i:i+32]
		a0 = h.load(r).MulAdd(archsimd.LoadFloat32x8(v), a0)
		a1 = h.load(r[16:]).MulAdd(archsimd.LoadFloat32x8(v[8:]), a1)
		a2 = h.load(r[32:]).MulAdd(archsimd.LoadFloat32x8(v[16:]), a2)
		a3 = h.load(r[48:]).MulAdd(archsimd.LoadFloat32x8(v[24:]), a3)
	}
	for ; i+8 <= n; i += 8 {
		a0 = h.load(row[2*i:]).MulAdd(archsimd.LoadFloat32x8(x[i:]), a0)
	}
	return sum8(a0, a1, a2, a3) + dotScalar("F16", row[2*i:], x[i:])
}

func addF32(y []float32, f *four) {
	a0, a1 := archsimd.BroadcastFloat32x8(f.a[0]), archsimd.BroadcastFloat32x8(f.a[1])
	a2, a3 := archsimd.BroadcastFloat32x8(f.a[2]), archsimd.BroadcastFloat32x8(f.a[3])
	i, n := 0, len(y)
	r0, r1, r2, r3 := f.rows[0][:4*n], f.rows[1][:4*n], f.rows[2][:4*n], f.rows[3][:4*n]
	for ; i+8 <= n; i += 8 {
		sum := loadF32(r0[4*i:]).MulAdd(a0, archsimd.LoadFloat32x8(y[i:]))
		sum = loadF32(r1[4*i:]).MulAdd(a1, sum)
		sum = loadF32(r2[4*i:]).MulAdd(a2, sum)
		loadF32(r3[4*i:]).MulAdd(a3, sum).Store(y[i:])
	}
	archsimd.ClearAVXUpperBits()
	addScalar("F32", y, f, i)
}

func addBF16(y []float32, f *four) {
	a0, a1 := archsimd.BroadcastFloat32x8(f.a[0]), archsimd.BroadcastFloat32x8(f.a[1])
	a2, a3 := archsimd.BroadcastFloat32x8(f.a[2]), archsimd.BroadcastFloat32x8(f.a[3])
	i, n := 0, len(y)
	r0, r1, r2, r3 := f.rows[0][:2*n], f.rows[1][:2*n], f.rows[2][:2*n], f.rows[3][:2*n]
	for ; i+8 <= n; i += 8 {
		sum := loadBF16(r0[2*i:]).MulAdd(a0, archsimd.LoadFloat32x8(y[i:]))
		sum = loadBF16(r1[2*i:]).MulAdd(a1, sum)
		sum = loadBF16(r2[2*i:]).MulAdd(a2, sum)
		loadBF16(r3[2*i:]).MulAdd(a3, sum).Store(y[i:])
	}
	archsimd.ClearAVXUpperBits()
	addScalar("BF16", y, f, i)
}

func addF16(y []float32, f *four) {
	h := newHalves()
	a0, a1 := archsimd.BroadcastFloat32x8(f.a[0]), archsimd.BroadcastFloat32x8(f.a[1])
	a2, a3 := archsimd.BroadcastFloat32x8(f.a[2]), archsimd.BroadcastFloat32x8(f.a[3])
	i, n := 0, len(y)
	r0, r1, r2, r3 := f.rows[0][:2*n], f.rows[1][:2*n], f.rows[2][:2*n], f.rows[3][:2*n]
	for ; i+8 <= n; i += 8 {
		sum := h.load(r0[2*i:]).MulAdd(a0, archsimd.LoadFloat32x8(y[i:]))
		sum = h.load(r1[2*i:]).MulAdd(a1, sum)
		sum = h.load(r2[2*i:]).MulAdd(a2, sum)
		h.load(r3[2*i:]).MulAdd(a3, sum).Store(y[i:])
	}
	archsimd.ClearAVXUpperBits()
	addScalar("F16", y, f, i)
}
