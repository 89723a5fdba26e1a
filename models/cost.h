// models/cost.h: what a network costs, by formula.
#pragma once
#include <cstdint>

#include "models/config.h"

namespace mvmoe {

// Multiply-adds of one image, all matrix products counted (patch embedding, qkv, both attention products,
// projection, MLP, head), nothing else. Papers differ in whether a FLOP is one multiply-add or half of one; timm's
// tables leave the attention products out.
struct Cost {
  std::int64_t macs = 0;           // by the network's formula
  std::int64_t executed_macs = 0;  // done by this engine: the last block computes only the token that is read
};

Cost cost(const ModelConfig& config);

}  // namespace mvmoe
