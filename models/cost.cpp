#include "models/cost.h"

#include <algorithm>
#include <cmath>

namespace mvmoe {
namespace {

// One block: keys and values of all T tokens, queries of `asking` tokens, the MLP of `passing` tokens.
std::int64_t block_macs(const ModelConfig& config, int block, std::int64_t asking, std::int64_t passing) {
  const std::int64_t T = config.tokens(), D = config.width, hidden = config.hidden();
  const std::int64_t qkv = asking * D * D + T * 2 * D * D;
  const std::int64_t attention = 2 * asking * T * D;  // Q K^T and P V
  const std::int64_t projection = asking * D * D;
  const MoeConfig& moe = config.moe;
  const std::int64_t mlps = config.sparse(block) ? moe.shared_experts : 1;
  double chosen = config.sparse(block) ? moe.top_k : 0;  // experts that an item passes
  if (moe.balance == Balance::expert_choice && moe.eval_capacity > 0)
    chosen = std::min<double>(moe.experts, chosen * moe.eval_capacity);
  const std::int64_t router = config.sparse(block) && moe.routing == Routing::token ? asking * D * moe.experts : 0;
  const std::int64_t mlp = 2 * passing * D * hidden;
  return qkv + attention + projection + router + mlps * mlp + std::llround(chosen * static_cast<double>(mlp));
}

}  // namespace

Cost cost(const ModelConfig& config) {
  const std::int64_t T = config.tokens(), D = config.width, P = config.patch, E = config.moe.experts;
  Cost c;
  c.macs = config.patches() * 3 * P * P * D + D * config.classes;
  if (E > 0 && config.moe.routing != Routing::token) c.macs += D * E;  // the one router
  c.executed_macs = c.macs;
  for (int i = 0; i < config.depth; ++i) {
    const bool by_token =
        config.sparse(i) && config.moe.routing == Routing::token;  // every token counts for the routing
    const bool one_read = i + 1 == config.depth && config.pool == Pool::cls;
    c.macs += block_macs(config, i, T, T);
    c.executed_macs += block_macs(config, i, one_read && !by_token ? 1 : T, one_read ? 1 : T);
  }
  return c;
}

std::int64_t active_params(const ModelConfig& config, std::int64_t params) {
  const std::int64_t D = config.width, hidden = config.hidden(), mlp = 2 * D * hidden + hidden + D;
  return config.moe.experts == 0 ? params : params - config.moe.layers * (config.moe.experts - config.moe.top_k) * mlp;
}

}  // namespace mvmoe
