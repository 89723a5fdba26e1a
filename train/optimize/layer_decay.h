// train/optimize/layer_decay.h: learning rates that fall from the head down to the patches, for fine-tuning (ELECTRA,
// arXiv 2003.10555; for ViTs MAE, arXiv 2111.06377, appendix A.1).
//   rate of a parameter = rate * decay^(depth + 1 - layer)
//   layer 0: class token, positions, patch embedding      layer i + 1: block i; the last block's has the final norm too
//   layer depth + 1: the head, and the network's router
// The groups are timm's (param_groups_layer_decay). As there, parameters that belong to no group are in the head's.
#pragma once
#include <vector>

#include "engine/parameter.h"

namespace mvmoe {

// [parameters] the factor of each one's rate.
std::vector<float> layer_rates(const Parameters& parameters, int depth, float decay);

}  // namespace mvmoe
