// ops/attention_forward.h: attention for inference. It takes a block of queries at a time and all keys of a head, so
// the T x T scores are never in memory. The blocks are shared among the threads of a lane.
//   The same to rounding as ops/attention.h; nothing is saved, and there is no backward.
//
// The scores of a block have a row for each key and a column for each query. So softmax runs down the columns, for as
// many queries at a time as a vector has numbers, and both products read keys and values in their own layout.
#pragma once
#include "ops/attention.h"

namespace mvmoe {

// y [b, Tq, H*d], for heads for which has_tiles (ops/attention_tiles.h) is true. op.probs and op.scratch are not used.
void attention_forward(Context& c, const Attention& op, Tensor y);

}  // namespace mvmoe
