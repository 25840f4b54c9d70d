//go:build goexperiment.simd

#include "textflag.h"

// tile_amd64.go says what these compute. SI walks over a, 64 bytes for each step of depth, DI over b, 192 bytes; CX counts down; BX
// walks over the rows of c, DX bytes apart.

#define ZERO4(a, b, c, d) \
	VPXORQ a, a, a; \
	VPXORQ b, b, b; \
	VPXORQ c, c, c; \
	VPXORQ d, d, d

// One row of a tile: the number at off, spread over Z27, times b's vectors Z24, Z25, Z26.
#define ROW(off, x, y, z) \
	VBROADCASTSD off(SI), Z27; \
	VFMADD231PD Z24, Z27, x; \
	VFMADD231PD Z25, Z27, y; \
	VFMADD231PD Z26, Z27, z

#define FETCH \
	PREFETCHT0 (AX); \
	PREFETCHT0 64(AX); \
	PREFETCHT0 128(AX); \
	ADDQ DX, AX

#define ADD(x, y, z) \
	VADDPD (BX), x, x; \
	VADDPD 64(BX), y, y; \
	VADDPD 128(BX), z, z; \
	VMOVUPD x, (BX); \
	VMOVUPD y, 64(BX); \
	VMOVUPD z, 128(BX); \
	ADDQ DX, BX

// One row of four: the number at off, spread over Y15, times the vectors Y12, Y13, Y14.
#define ROW4(off, x, y, z) \
	VBROADCASTSD off(SI), Y15; \
	VFMADD231PD Y12, Y15, x; \
	VFMADD231PD Y13, Y15, y; \
	VFMADD231PD Y14, Y15, z

#define ADD4(x, y, z) \
	VADDPD (BX), x, x; \
	VADDPD 32(BX), y, y; \
	VADDPD 64(BX), z, z; \
	VMOVUPD x, (BX); \
	VMOVUPD y, 32(BX); \
	VMOVUPD z, 64(BX); \
	ADDQ DX, BX

// func tile8x24(a, b *float64, depth int, c *float64, stride int)
TEXT ·tile8x24(SB), NOSPLIT, $0-40
	MOVQ a+0(FP), SI
	MOVQ b+8(FP), DI
	MOVQ depth+16(FP), CX
	MOVQ c+24(FP), BX
	MOVQ stride+32(FP), DX
	SHLQ $3, DX
	ZERO4(Z0, Z1, Z2, Z3)
	ZERO4(Z4, Z5, Z6, Z7)
	ZERO4(Z8, Z9, Z10, Z11)
	ZERO4(Z12, Z13, Z14, Z15)
	ZERO4(Z16, Z17, Z18, Z19)
	ZERO4(Z20, Z21, Z22, Z23)

	// The rows of c come while the sums are made.
	MOVQ BX, AX
	FETCH
	FETCH
	FETCH
	FETCH
	FETCH
	FETCH
	FETCH
	FETCH

step8:
	VMOVUPD (DI), Z24
	VMOVUPD 64(DI), Z25
	VMOVUPD 128(DI), Z26
	ROW(0, Z0, Z1, Z2)
	ROW(8, Z3, Z4, Z5)
	ROW(16, Z6, Z7, Z8)
	ROW(24, Z9, Z10, Z11)
	ROW(32, Z12, Z13, Z14)
	ROW(40, Z15, Z16, Z17)
	ROW(48, Z18, Z19, Z20)
	ROW(56, Z21, Z22, Z23)
	ADDQ $64, SI
	ADDQ $192, DI
	DECQ CX
	JNZ step8

	ADD(Z0, Z1, Z2)
	ADD(Z3, Z4, Z5)
	ADD(Z6, Z7, Z8)
	ADD(Z9, Z10, Z11)
	ADD(Z12, Z13, Z14)
	ADD(Z15, Z16, Z17)
	ADD(Z18, Z19, Z20)
	ADD(Z21, Z22, Z23)
	VZEROUPPER
	RET

// func tile4x12(a, b *float64, depth int, c *float64, stride int)
TEXT ·tile4x12(SB), NOSPLIT, $0-40
	MOVQ a+0(FP), SI
	MOVQ b+8(FP), DI
	MOVQ depth+16(FP), CX
	MOVQ c+24(FP), BX
	MOVQ stride+32(FP), DX
	SHLQ $3, DX
	VXORPD Y0, Y0, Y0
	VXORPD Y1, Y1, Y1
	VXORPD Y2, Y2, Y2
	VXORPD Y3, Y3, Y3
	VXORPD Y4, Y4, Y4
	VXORPD Y5, Y5, Y5
	VXORPD Y6, Y6, Y6
	VXORPD Y7, Y7, Y7
	VXORPD Y8, Y8, Y8
	VXORPD Y9, Y9, Y9
	VXORPD Y10, Y10, Y10
	VXORPD Y11, Y11, Y11

step4:
	VMOVUPD (DI), Y12
	VMOVUPD 32(DI), Y13
	VMOVUPD 64(DI), Y14
	ROW4(0, Y0, Y1, Y2)
	ROW4(8, Y3, Y4, Y5)
	ROW4(16, Y6, Y7, Y8)
	ROW4(24, Y9, Y10, Y11)
	ADDQ $64, SI
	ADDQ $192, DI
	DECQ CX
	JNZ step4

	ADD4(Y0, Y1, Y2)
	ADD4(Y3, Y4, Y5)
	ADD4(Y6, Y7, Y8)
	ADD4(Y9, Y10, Y11)
	VZEROUPPER
	RET
