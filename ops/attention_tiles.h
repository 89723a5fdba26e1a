// ops/attention_tiles.h: the attention of ops/attention.h by tiles (engine/tile.h), with gradients.
//
// Scores stand with a row for each key and a column for each query, so that softmax goes down the columns, for as many
// queries at a time as a vector has numbers, and every product but two reads its operands as they lie: only queries,
// and in backward dY, are transposed first.
#pragma once
#include "engine/tile.h"
#include "ops/attention.h"

namespace mvmoe {

// Whether the heads are made of whole vectors; the other heads are left to gemm.
inline bool has_tiles(int head_dim) { return head_dim % vector_floats == 0; }

// What these need of an Attention's memory, W the queries rounded up to whole vectors: probs [b, H, T, W], which is
// P^T, and scratch [d + T, W].
inline int tile_width(int queries) { return (queries + vector_floats - 1) / vector_floats * vector_floats; }

void forward_by_tiles(const Attention& op, Tensor y);  // y [b, Tq, H*d]
void backward_by_tiles(const Attention& op, Tensor dy, TokenRows dq, TokenRows dk, TokenRows dv);

}  // namespace mvmoe
