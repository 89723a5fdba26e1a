#include "models/vit.h"

#include <cmath>

#include "ops/check.h"
#include "ops/patch_embed.h"
#include "ops/tokens.h"

namespace mvmoe {

ViT::ViT(const ModelConfig& config, const std::function<void(const Parameters&)>& declared) : config_(config) {
  check(config);
  const int D = config.width, P = config.patch;
  if (config.class_token) class_token_ = parameters_.add("cls_token", {1, 1, D}, {Init::Kind::normal, 1e-6f});
  positions_ = parameters_.add("pos_embed", {1, config.tokens(), D}, {Init::Kind::normal, 0.02f});
  // The convolution keeps PyTorch's start, uniform within 1 / sqrt(fan in), as it does in timm.
  const Init convolution{Init::Kind::uniform, 1 / std::sqrt(static_cast<float>(3 * P * P))};
  patch_embed_.weight = parameters_.add("patch_embed.proj.weight", {D, 3, P, P}, convolution, true);
  patch_embed_.bias = parameters_.add("patch_embed.proj.bias", {D}, convolution);
  for (int i = 0; i < config.depth; ++i) {
    // Before the first sparse block, whose images it sends on their way.
    if (config.sparse(i) && !router_ && config.moe.routing != Routing::token) router_.emplace(parameters_, "router", config, 0);
    blocks_.emplace_back(parameters_, config, i);
  }
  norm_ = add_norm(parameters_, config.fc_norm ? "fc_norm" : "norm", D);
  head_ = add_linear(parameters_, "head", D, config.classes);
  if (declared) declared(parameters_);
  parameters_.allocate();
}

void ViT::initialise(std::uint64_t seed) {
  parameters_.initialise(seed);
  if (!config_.moe.equal_start) return;
  for (const TransformerBlock& block : blocks_)
    if (block.experts()) block.experts()->start_equal(parameters_);
}

ModelOutput ViT::forward(Context& c, Tensor images, Override override, AttentionMaps* maps) const {
  const int b = images.shape()[0], S = config_.image;
  require_shape("vit", "images", images.shape(), {b, 3, S, S}, "a batch", images.shape());
  ModelOutput out;
  const std::size_t routers = config_.moe.experts == 0 ? 0 : config_.moe.routing == Routing::token ? static_cast<std::size_t>(config_.moe.layers) : 1;
  if (routers > 0) out.routed = new (c.arena.take_bytes(routers * sizeof(Routed))) Routed[routers];

  const Var patches = patch_embed(c, c.tape.constant(images), c.parameter(patch_embed_.weight), c.parameter(patch_embed_.bias));
  Var x = embed_tokens(c, patches, class_token_ < 0 ? Var{} : c.parameter(class_token_), c.parameter(positions_));  // [b, T, D]
  for (int i = 0; i < config_.depth; ++i) {
    const bool last = i + 1 == config_.depth;
    const Reads reads = last && config_.pool == Pool::cls ? Reads::class_token : Reads::every_token;
    if (config_.sparse(i) && (!router_ || out.routers == 0)) ++out.routers;
    if (config_.sparse(i) && router_ && i == config_.depth - config_.moe.layers) {
      const Var seen = config_.moe.router_input == Pool::mean ? mean_tokens(c, x, config_.first_patch()) : select_token(c, x, 0);  // [b, 1, D]
      out.routed[0] = router_->forward(c, c.tape.view(seen, {b, config_.width}), 1, override);
    }
    x = blocks_[static_cast<std::size_t>(i)].forward(c, x, reads, config_.sparse(i) ? &out.routed[out.routers - 1] : nullptr, maps);
  }
  if (!config_.fc_norm) x = layer_norm(c, x, norm_);
  if (config_.pool == Pool::mean) x = mean_tokens(c, x, config_.first_patch());  // else [b, 1, D] already
  if (config_.fc_norm) x = layer_norm(c, x, norm_);
  out.logits = linear(c, c.tape.view(x, {b, config_.width}), head_);
  return out;
}

}  // namespace mvmoe
