//go:build goexperiment.simd

#include "textflag.h"

// symv_amd64.go says what this computes. R8 to R11 are the four rows, SI is v, DI sum; BX counts columns up, CX down. Z0 to Z3 are the
// products, Z4 to Z7 the factors c.

// One row's vector Z8 in both roles: times v, Z10, into a product, and times its factor into the sum Z11.
#define ROW(product, factor) \
	VFMADD231PD Z8, Z10, product; \
	VFMADD231PD Z8, factor, Z11

// func symvQuad8(r *[4][]float64, v, sum *float64, n int, c, d *[4]float64)
TEXT ·symvQuad8(SB), NOSPLIT, $0-48
	MOVQ r+0(FP), AX
	MOVQ (AX), R8
	MOVQ 24(AX), R9
	MOVQ 48(AX), R10
	MOVQ 72(AX), R11
	MOVQ v+8(FP), SI
	MOVQ sum+16(FP), DI
	MOVQ n+24(FP), CX
	MOVQ c+32(FP), AX
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VBROADCASTSD (AX), Z4
	VBROADCASTSD 8(AX), Z5
	VBROADCASTSD 16(AX), Z6
	VBROADCASTSD 24(AX), Z7
	XORQ BX, BX
	SUBQ $8, CX
	JLT rest

eight:
	VMOVUPD (SI)(BX*8), Z10
	VMOVUPD (DI)(BX*8), Z11
	VMOVUPD (R8)(BX*8), Z8
	ROW(Z0, Z4)
	VMOVUPD (R9)(BX*8), Z8
	ROW(Z1, Z5)
	VMOVUPD (R10)(BX*8), Z8
	ROW(Z2, Z6)
	VMOVUPD (R11)(BX*8), Z8
	ROW(Z3, Z7)
	VMOVUPD Z11, (DI)(BX*8)
	ADDQ $8, BX
	SUBQ $8, CX
	JGE eight

rest:
	ADDQ $8, CX
	JEQ done
	MOVQ $1, AX
	SHLQ CX, AX
	DECQ AX
	KMOVB AX, K1
	VMOVUPD.Z (SI)(BX*8), K1, Z10
	VMOVUPD.Z (DI)(BX*8), K1, Z11
	VMOVUPD.Z (R8)(BX*8), K1, Z8
	ROW(Z0, Z4)
	VMOVUPD.Z (R9)(BX*8), K1, Z8
	ROW(Z1, Z5)
	VMOVUPD.Z (R10)(BX*8), K1, Z8
	ROW(Z2, Z6)
	VMOVUPD.Z (R11)(BX*8), K1, Z8
	ROW(Z3, Z7)
	VMOVUPD Z11, K1, (DI)(BX*8)

done:
	// Each product's eight sums to one: by four vectors to four, transposed on the way.
	VUNPCKLPD Z1, Z0, Z8
	VUNPCKHPD Z1, Z0, Z9
	VADDPD Z9, Z8, Z8 // pairs of products 0 and 1, in turn
	VUNPCKLPD Z3, Z2, Z9
	VUNPCKHPD Z3, Z2, Z10
	VADDPD Z10, Z9, Z9 // of 2 and 3
	VEXTRACTF64X4 $1, Z8, Y10
	VADDPD Y10, Y8, Y8
	VEXTRACTF64X4 $1, Z9, Y10
	VADDPD Y10, Y9, Y9
	VEXTRACTF128 $1, Y8, X10
	VADDPD X10, X8, X8
	VEXTRACTF128 $1, Y9, X10
	VADDPD X10, X9, X9
	MOVQ d+40(FP), AX
	VMOVUPD X8, (AX)
	VMOVUPD X9, 16(AX)
	VZEROUPPER
	RET
