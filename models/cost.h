// models/cost.h: what a network costs, by formula.
#pragma once
#include <cstdint>

#include "models/config.h"

namespace mvmoe {

// Multiply-adds of one image, all matrix products counted (patch embedding, qkv, both attention products,
// projection, MLP, head), nothing else. Papers differ in whether a FLOP is one multiply-add or half of one; timm's
// tables leave the attention products out.
// In a sparse block each item passes k experts and the shared ones; the router's product is counted too. Tokens that
// the capacity drops are counted as if they passed. Where experts choose, the formula counts the tokens that they take
// at evaluation. If one token of the last block is read, it counts the mean number of experts that take a token.
struct Cost {
  std::int64_t macs = 0;           // by the network's formula
  std::int64_t executed_macs = 0;  // computed by this engine: the last block computes only the token that is read
};

Cost cost(const ModelConfig& config);

// The number of weights that an image uses, of `params` in all: experts that are not chosen do not count. Where tokens
// are routed, it is the number that one token uses.
std::int64_t active_params(const ModelConfig& config, std::int64_t params);

}  // namespace mvmoe
