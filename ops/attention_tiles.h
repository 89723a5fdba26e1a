// ops/attention_tiles.h: the attention of ops/attention.h by tiles (engine/tile.h), with gradients.
//
// Scores have a row for each key and a column for each query. So softmax runs down the columns, for as many queries at
// a time as a vector has numbers. The products read their operands in their own layout, with two exceptions: the
// queries, and in backward dY, are transposed first.
#pragma once
#include "engine/tile.h"
#include "ops/attention.h"

namespace mvmoe {

// True if a head is a whole number of vectors. All other heads use gemm.
inline bool has_tiles(int head_dim) { return head_dim % vector_floats == 0; }

// W, the queries rounded up to whole vectors. The two functions below need op.probs [b, H, T, W], which is P^T, and
// op.scratch [d + T, W].
inline int tile_width(int queries) { return (queries + vector_floats - 1) / vector_floats * vector_floats; }

void forward_by_tiles(const Attention& op, Tensor y);  // y [b, Tq, H*d]
void backward_by_tiles(const Attention& op, Tensor dy, TokenRows dq, TokenRows dk, TokenRows dv);

}  // namespace mvmoe
