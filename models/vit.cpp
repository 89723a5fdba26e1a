#include "models/vit.h"

#include <cmath>

#include "ops/check.h"
#include "ops/patch_embed.h"
#include "ops/tokens.h"

namespace mvmoe {

ViT::ViT(const ModelConfig& config) : config_(config) {
  check(config);
  const int D = config.width, P = config.patch;
  class_token_ = parameters_.add("cls_token", {1, 1, D}, {Init::Kind::normal, 1e-6f});
  positions_ = parameters_.add("pos_embed", {1, config.tokens(), D}, {Init::Kind::normal, 0.02f});
  // The convolution keeps PyTorch's start, uniform within 1 / sqrt(fan in), as it does in timm.
  const Init convolution{Init::Kind::uniform, 1 / std::sqrt(static_cast<float>(3 * P * P))};
  patch_embed_.weight = parameters_.add("patch_embed.proj.weight", {D, 3, P, P}, convolution, true);
  patch_embed_.bias = parameters_.add("patch_embed.proj.bias", {D}, convolution);
  for (int i = 0; i < config.depth; ++i) blocks_.emplace_back(parameters_, config, i);
  norm_ = add_norm(parameters_, "norm", D);
  head_ = add_linear(parameters_, "head", D, config.classes);
  parameters_.allocate();
}

ModelOutput ViT::forward(Context& c, Tensor images) const {
  const int b = images.shape()[0], S = config_.image;
  require_shape("vit", "images", images.shape(), {b, 3, S, S}, "a batch", images.shape());
  const Var patches = patch_embed(c, c.tape.constant(images), c.parameter(patch_embed_.weight), c.parameter(patch_embed_.bias));
  Var x = embed_tokens(c, patches, c.parameter(class_token_), c.parameter(positions_));  // [b, T, D]
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const bool last = i + 1 == blocks_.size();
    x = blocks_[i].forward(c, x, last && config_.pool == Pool::cls ? Reads::class_token : Reads::every_token);
  }
  x = layer_norm(c, x, norm_);
  if (config_.pool == Pool::mean) x = mean_tokens(c, x, 1);  // else [b, 1, D] already
  return {.logits = linear(c, c.tape.view(x, {b, config_.width}), head_)};
}

}  // namespace mvmoe
