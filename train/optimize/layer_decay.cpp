#include "train/optimize/layer_decay.h"

#include <charconv>
#include <cmath>

namespace mvmoe {
namespace {

int layer_of(const std::string& name, int depth) {
  for (const char* embedding : {"cls_token", "pos_embed", "patch_embed."})
    if (name.starts_with(embedding)) return 0;
  if (name.starts_with("norm.")) return depth;
  if (!name.starts_with("blocks.")) return depth + 1;
  int block = 0;
  std::from_chars(name.data() + 7, name.data() + name.size(), block);
  return block + 1;
}

}  // namespace

std::vector<float> layer_rates(const Parameters& parameters, int depth, float decay) {
  std::vector<float> rates;
  for (const Parameter& p : parameters.list())
    rates.push_back(static_cast<float>(std::pow(decay, depth + 1 - layer_of(p.name, depth))));
  return rates;
}

}  // namespace mvmoe
