// models/cost.h: what a network costs, by formula.
#pragma once
#include <cstdint>

#include "models/config.h"

namespace mvmoe {

// Multiply-adds of one image, all matrix products counted (patch embedding, qkv, both attention products,
// projection, MLP, head), nothing else. Papers differ in whether a FLOP is one multiply-add or half of one; timm's
// tables leave the attention products out.
// In a sparse block each item passes k experts and the shared ones; a router counts as the product it is. Tokens that
// capacity drops are counted as if they passed; where experts choose, the formula counts what they take at evaluation
// (in a last block of which one token is read, the mean: who takes that token cannot be said beforehand).
struct Cost {
  std::int64_t macs = 0;           // by the network's formula
  std::int64_t executed_macs = 0;  // done by this engine: the last block computes only the token that is read
};

Cost cost(const ModelConfig& config);

// Weights that one image's result depends on, of `params` in all: without the experts that are not chosen (per token:
// in each block, the k experts of one token).
std::int64_t active_params(const ModelConfig& config, std::int64_t params);

}  // namespace mvmoe
