//go:build goexperiment.simd

#include "textflag.h"

// tile_amd64.go says what these compute. In all of them SI walks over a, DI and beside it R8, R9 over the panels of b, 64 bytes
// for each token; CX counts tokens down; a tile's rows are 192 bytes apart.

#define ZERO4(a, b, c, d) \
	VPXORQ a, a, a; \
	VPXORQ b, b, b; \
	VPXORQ c, c, c; \
	VPXORQ d, d, d

// One row of a tile: the number at off, spread over Z27, times the panels' vectors Z24, Z25, Z26.
#define ROW3(off, x, y, z) \
	VBROADCASTSS off(SI), Z27; \
	VFMADD231PS Z24, Z27, x; \
	VFMADD231PS Z25, Z27, y; \
	VFMADD231PS Z26, Z27, z

#define ROW2(off, x, y) \
	VBROADCASTSS off(SI), Z27; \
	VFMADD231PS Z24, Z27, x; \
	VFMADD231PS Z25, Z27, y

#define ROW1(off, x) \
	VBROADCASTSS off(SI), Z27; \
	VFMADD231PS Z24, Z27, x

#define STORE3(off, x, y, z) \
	VADDPS off(BX), x, x; \
	VADDPS off+64(BX), y, y; \
	VADDPS off+128(BX), z, z; \
	VMOVUPS x, off(BX); \
	VMOVUPS y, off+64(BX); \
	VMOVUPS z, off+128(BX)

#define STORE2(off, x, y) \
	VADDPS off(BX), x, x; \
	VADDPS off+64(BX), y, y; \
	VMOVUPS x, off(BX); \
	VMOVUPS y, off+64(BX)

#define STORE1(off, x) \
	VADDPS off(BX), x, x; \
	VMOVUPS x, off(BX)

// One row of four: the number at off, spread over Y15, times the vectors Y12, Y13.
#define QUAD(off, x, y) \
	VBROADCASTSS off(SI), Y15; \
	VFMADD231PS Y12, Y15, x; \
	VFMADD231PS Y13, Y15, y

// func tile8x48(a, b *float32, step, n int, tile *[384]float32)
TEXT ·tile8x48(SB), NOSPLIT, $0-40
	MOVQ a+0(FP), SI
	MOVQ b+8(FP), DI
	MOVQ step+16(FP), DX
	MOVQ n+24(FP), CX
	MOVQ tile+32(FP), BX
	LEAQ (DI)(DX*4), R8
	LEAQ (DI)(DX*8), R9
	ZERO4(Z0, Z1, Z2, Z3)
	ZERO4(Z4, Z5, Z6, Z7)
	ZERO4(Z8, Z9, Z10, Z11)
	ZERO4(Z12, Z13, Z14, Z15)
	ZERO4(Z16, Z17, Z18, Z19)
	ZERO4(Z20, Z21, Z22, Z23)

token3:
	VMOVUPS (DI), Z24
	VMOVUPS (R8), Z25
	VMOVUPS (R9), Z26
	ROW3(0, Z0, Z1, Z2)
	ROW3(4, Z3, Z4, Z5)
	ROW3(8, Z6, Z7, Z8)
	ROW3(12, Z9, Z10, Z11)
	ROW3(16, Z12, Z13, Z14)
	ROW3(20, Z15, Z16, Z17)
	ROW3(24, Z18, Z19, Z20)
	ROW3(28, Z21, Z22, Z23)
	ADDQ $64, SI
	ADDQ $64, DI
	ADDQ $64, R8
	ADDQ $64, R9
	DECQ CX
	JNZ token3

	STORE3(0, Z0, Z1, Z2)
	STORE3(192, Z3, Z4, Z5)
	STORE3(384, Z6, Z7, Z8)
	STORE3(576, Z9, Z10, Z11)
	STORE3(768, Z12, Z13, Z14)
	STORE3(960, Z15, Z16, Z17)
	STORE3(1152, Z18, Z19, Z20)
	STORE3(1344, Z21, Z22, Z23)
	VZEROUPPER
	RET

// func tile8x32(a, b *float32, step, n int, tile *[384]float32)
TEXT ·tile8x32(SB), NOSPLIT, $0-40
	MOVQ a+0(FP), SI
	MOVQ b+8(FP), DI
	MOVQ step+16(FP), DX
	MOVQ n+24(FP), CX
	MOVQ tile+32(FP), BX
	LEAQ (DI)(DX*4), R8
	ZERO4(Z0, Z1, Z2, Z3)
	ZERO4(Z4, Z5, Z6, Z7)
	ZERO4(Z8, Z9, Z10, Z11)
	ZERO4(Z12, Z13, Z14, Z15)

token2:
	VMOVUPS (DI), Z24
	VMOVUPS (R8), Z25
	ROW2(0, Z0, Z1)
	ROW2(4, Z2, Z3)
	ROW2(8, Z4, Z5)
	ROW2(12, Z6, Z7)
	ROW2(16, Z8, Z9)
	ROW2(20, Z10, Z11)
	ROW2(24, Z12, Z13)
	ROW2(28, Z14, Z15)
	ADDQ $64, SI
	ADDQ $64, DI
	ADDQ $64, R8
	DECQ CX
	JNZ token2

	STORE2(0, Z0, Z1)
	STORE2(192, Z2, Z3)
	STORE2(384, Z4, Z5)
	STORE2(576, Z6, Z7)
	STORE2(768, Z8, Z9)
	STORE2(960, Z10, Z11)
	STORE2(1152, Z12, Z13)
	STORE2(1344, Z14, Z15)
	VZEROUPPER
	RET

// func tile8x16(a, b *float32, n int, tile *[384]float32)
TEXT ·tile8x16(SB), NOSPLIT, $0-32
	MOVQ a+0(FP), SI
	MOVQ b+8(FP), DI
	MOVQ n+16(FP), CX
	MOVQ tile+24(FP), BX
	ZERO4(Z0, Z1, Z2, Z3)
	ZERO4(Z4, Z5, Z6, Z7)

token1:
	VMOVUPS (DI), Z24
	ROW1(0, Z0)
	ROW1(4, Z1)
	ROW1(8, Z2)
	ROW1(12, Z3)
	ROW1(16, Z4)
	ROW1(20, Z5)
	ROW1(24, Z6)
	ROW1(28, Z7)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ token1

	STORE1(0, Z0)
	STORE1(192, Z1)
	STORE1(384, Z2)
	STORE1(576, Z3)
	STORE1(768, Z4)
	STORE1(960, Z5)
	STORE1(1152, Z6)
	STORE1(1344, Z7)
	VZEROUPPER
	RET

// func tile4x16(a, b *float32, n int, tile *float32)
TEXT ·tile4x16(SB), NOSPLIT, $0-32
	MOVQ a+0(FP), SI
	MOVQ b+8(FP), DI
	MOVQ n+16(FP), CX
	MOVQ tile+24(FP), BX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

token:
	VMOVUPS (DI), Y12
	VMOVUPS 32(DI), Y13
	QUAD(0, Y0, Y1)
	QUAD(4, Y2, Y3)
	QUAD(8, Y4, Y5)
	QUAD(12, Y6, Y7)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ token

	STORE1(0, Y0)
	STORE1(32, Y1)
	STORE1(192, Y2)
	STORE1(224, Y3)
	STORE1(384, Y4)
	STORE1(416, Y5)
	STORE1(576, Y6)
	STORE1(608, Y7)
	VZEROUPPER
	RET
