#include "models/cost.h"

namespace mvmoe {
namespace {

// A block in which `asking` tokens are read and all T are seen.
std::int64_t block_macs(const ModelConfig& config, std::int64_t asking) {
  const std::int64_t T = config.tokens(), D = config.width, hidden = config.hidden();
  const std::int64_t qkv = asking * D * D + T * 2 * D * D;
  const std::int64_t attention = 2 * asking * T * D;  // Q K^T and P V
  const std::int64_t projection = asking * D * D;
  const std::int64_t mlp = 2 * asking * D * hidden;
  return qkv + attention + projection + mlp;
}

}  // namespace

Cost cost(const ModelConfig& config) {
  const std::int64_t T = config.tokens(), D = config.width, P = config.patch;
  const std::int64_t ends = config.patches() * 3 * P * P * D + D * config.classes;
  Cost c;
  c.macs = ends + config.depth * block_macs(config, T);
  c.executed_macs = ends + (config.depth - 1) * block_macs(config, T) + block_macs(config, config.pool == Pool::cls ? 1 : T);
  return c;
}

}  // namespace mvmoe
