// ops/attention_forward.h: attention for inference: a block of queries at a time against all keys of a head, so that
// the scores of all queries, T x T, are never in memory; shared among the threads of a lane.
//   The same to rounding as ops/attention.h; nothing is saved, there is no backward.
//
// A block's scores stand with a row for each key and a column for each query: then softmax goes down the columns, for
// as many queries at a time as a vector has numbers, and both products read keys and values as they lie.
#pragma once
#include "ops/attention.h"

namespace mvmoe {

// y [b, Tq, H*d], for heads that has_tiles (ops/attention_tiles.h). Of `op` neither probs nor scratch is used.
void attention_forward(Context& c, const Attention& op, Tensor y);

}  // namespace mvmoe
