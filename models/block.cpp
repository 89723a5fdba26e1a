#include "models/block.h"

#include "ops/attention.h"
#include "ops/drop_path.h"
#include "ops/linear.h"
#include "ops/residual.h"
#include "ops/tokens.h"

namespace mvmoe {

TransformerBlock::TransformerBlock(Parameters& parameters, const ModelConfig& config, int index, int experts_here)
    : index_(index),
      width_(config.width),
      heads_(config.heads),
      drop_path_(config.depth > 1 ? config.drop_path * static_cast<float>(index) / static_cast<float>(config.depth - 1)
                                  : 0) {
  const std::string name = "blocks." + std::to_string(index);
  const int D = config.width;
  norm1_ = add_norm(parameters, name + ".norm1", D);
  qkv_ = add_linear(parameters, name + ".attn.qkv", D, 3 * D, config.qkv_bias);
  proj_ = add_linear(parameters, name + ".attn.proj", D, D);
  norm2_ = add_norm(parameters, name + ".norm2", D);
  if (config.sparse(index)) {
    if (config.moe.routing == Routing::token) router_.emplace(parameters, name + ".mlp.router", config, index);
    experts_.emplace(parameters, name + ".mlp", config, experts_here);
  } else {
    fc1_ = add_linear(parameters, name + ".mlp.fc1", D, config.hidden());
    fc2_ = add_linear(parameters, name + ".mlp.fc2", config.hidden(), D);
  }
}

Var TransformerBlock::attend(Context& c, Var normed, Reads reads, AttentionMaps* maps) const {
  if (reads == Reads::every_token) {
    const Var qkv = linear(c, normed, qkv_);
    if (maps) add_attention_maps(qkv.value(), 0, qkv.value(), width_, heads_, width_ / heads_, *maps);
    return attention(c, qkv, heads_);
  }
  // The same weights in two pieces: the query's rows for one token, the keys' and values' rows for all.
  const auto piece = [&](Var x, int first, int count) {
    return linear(c, x, c.parameter(qkv_.weight, first, count),
                  qkv_.bias < 0 ? Var{} : c.parameter(qkv_.bias, first, count));
  };
  const Var q = piece(select_token(c, normed, 0), 0, width_), kv = piece(normed, width_, 2 * width_);
  if (maps) add_attention_maps(q.value(), 0, kv.value(), 0, heads_, width_ / heads_, *maps);
  return attention(c, q, kv, heads_);
}

TransformerBlock::AtMlp TransformerBlock::before_mlp(Context& c, Var x, Reads reads, Routed* routed,
                                                     AttentionMaps* maps) const {
  const int images = x.shape()[0], T = x.shape()[1];
  const Reads attending = router_ ? Reads::every_token : reads;  // a router sees all tokens
  const Var attended = attend(c, layer_norm(c, x, norm1_), attending, maps);
  if (attending == Reads::class_token) x = select_token(c, x, 0);
  x = residual_linear(c, x, attended, proj_, drop_path_factors(c, images, drop_path_, 2 * index_));
  AtMlp at{x, layer_norm(c, x, norm2_), {}};
  if (router_) *routed = router_->forward(c, c.tape.view(at.normed, {images * T, width_}), T);
  if (routed) at.routed = *routed;
  if (router_ && reads == Reads::class_token) {
    at.routed = router_->of_first_tokens(c, *routed, T);
    at.normed = select_token(c, at.normed, 0);
    at.x = select_token(c, x, 0);
  }
  return at;
}

Var TransformerBlock::forward(Context& c, Var x, Reads reads, Routed* routed, AttentionMaps* maps) const {
  const AtMlp at = before_mlp(c, x, reads, routed, maps);
  if (experts_)
    return after_experts(c, at, experts_->answer(c, experts_->ask(c, at.normed, at.routed), at.routed.assignments));
  return residual_linear(c, at.x, linear_gelu(c, at.normed, fc1_), fc2_,
                         drop_path_factors(c, at.x.shape()[0], drop_path_, 2 * index_ + 1));
}

Var TransformerBlock::after_experts(Context& c, const AtMlp& at, Var ys) const {
  return residual(c, at.x, experts_->hear(c, ys, at.normed, at.routed),
                  drop_path_factors(c, at.x.shape()[0], drop_path_, 2 * index_ + 1));
}

}  // namespace mvmoe
