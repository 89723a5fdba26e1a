// engine/gemm_tiles.h: the product of engine/gemm.h by our own tiles (engine/tile.h), for shapes that suit them.
//
// oneDNN copies both operands into its own order at every call. At the few hundred rows of a lane and widths of a few
// hundred, that copy takes a visible part of the time. A tile reads a where it lies, transposed or not. It also reads b
// where it lies, unless b is read transposed: then panels of b are transposed first.
#pragma once
#include "engine/gemm.h"

namespace mvmoe {

// True if tiles suit c = alpha a b + beta c: c has whole vectors of columns, the factors are possible, and either b is
// narrow or there are enough rows to pay for transposing b.
bool fits_tiles(const Matrix& b, const Matrix& c, Factors factors);

// c = alpha a b + beta c. gemm has checked the shapes. The bits of an element depend only on its row of a, its column
// of b, and the depth.
void gemm_tiles(const Matrix& a, const Matrix& b, const Matrix& c, Factors factors);

}  // namespace mvmoe
