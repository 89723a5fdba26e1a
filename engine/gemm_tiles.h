// engine/gemm_tiles.h: the product of engine/gemm.h by tiles of our own (engine/tile.h), where they fit it.
//
// oneDNN lays out both operands at every call. For the few hundred rows of a lane and widths of some hundred that
// shows: a tile reads a as it lies, either way round, and b too, unless it is read transposed.
#pragma once
#include "engine/gemm.h"

namespace mvmoe {

// Whether c = alpha a b + beta c is made of whole vectors, has enough rows to pay for transposing b, and no factor in
// the way.
bool fits_tiles(const Matrix& b, const Matrix& c, Factors factors);

// c = alpha a b + beta c. The shapes were checked. A number's bits depend on its row of a, its column of b and the
// depth alone.
void gemm_tiles(const Matrix& a, const Matrix& b, const Matrix& c, Factors factors);

}  // namespace mvmoe
