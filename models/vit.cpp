#include "models/vit.h"

#include <cmath>

#include "engine/error.h"
#include "ops/check.h"
#include "ops/patch_embed.h"
#include "ops/tokens.h"

namespace mvmoe {

ViT::ViT(const ModelConfig& config, const std::function<void(const Parameters&)>& declared, int experts_here)
    : config_(config) {
  check(config);
  const int D = config.width, P = config.patch;
  if (config.class_token) class_token_ = parameters_.add("cls_token", {1, 1, D}, {Init::Kind::normal, 1e-6f});
  positions_ = parameters_.add("pos_embed", {1, config.tokens(), D}, {Init::Kind::normal, 0.02f});
  // As in timm, the convolution keeps PyTorch's start: uniform in +-1 / sqrt(fan in).
  const Init convolution{Init::Kind::uniform, 1 / std::sqrt(static_cast<float>(3 * P * P))};
  patch_embed_.weight = parameters_.add("patch_embed.proj.weight", {D, 3, P, P}, convolution, true);
  patch_embed_.bias = parameters_.add("patch_embed.proj.bias", {D}, convolution);
  for (int i = 0; i < config.depth; ++i) {
    // One router for the network, declared before the first sparse block.
    if (config.sparse(i) && !router_ && config.moe.routing != Routing::token)
      router_.emplace(parameters_, "router", config, 0);
    blocks_.emplace_back(parameters_, config, i, experts_here);
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

Var ViT::embed(Context& c, Tensor images) const {
  const int b = images.shape()[0], S = config_.image;
  require_shape("vit", "images", images.shape(), {b, 3, S, S}, "a batch", images.shape());
  const Var patches =
      patch_embed(c, c.tape.constant(images), c.parameter(patch_embed_.weight), c.parameter(patch_embed_.bias));
  return embed_tokens(c, patches, class_token_ < 0 ? Var{} : c.parameter(class_token_), c.parameter(positions_));
}

Var ViT::block(Context& c, int i, Var x, Routed* routed, AttentionMaps* maps) const {
  const Arena::Mark mark = c.arena.mark();
  const Var y = blocks_[static_cast<std::size_t>(i)].forward(c, x, reads(i), routed, maps);
  // In inference the block writes its result over x. Its other memory is then free for the next
  // block, which finds it in the cache.
  if (y.value().data() == x.value().data()) c.arena.reset(mark);
  return y;
}

Routed ViT::route(Context& c, Var x, Override override) const {
  const Var seen = config_.moe.router_input == Pool::mean ? mean_tokens(c, x, config_.first_patch())
                                                          : select_token(c, x, 0);  // [b, 1, D]
  return router_->forward(c, c.tape.view(seen, {x.shape()[0], config_.width}), 1, override);
}

Var ViT::classify(Context& c, Var x) const {
  if (!config_.fc_norm) x = layer_norm(c, x, norm_);
  if (config_.pool == Pool::mean) x = mean_tokens(c, x, config_.first_patch());  // else [b, 1, D] already
  if (config_.fc_norm) x = layer_norm(c, x, norm_);
  return linear(c, c.tape.view(x, {x.shape()[0], config_.width}), head_);
}

ModelOutput ViT::begin_output(Context& c) const {
  ModelOutput out;
  const std::size_t routers = config_.moe.experts == 0 ? 0 : router_ ? 1 : static_cast<std::size_t>(config_.moe.layers);
  if (routers > 0) out.routed = new (c.arena.take_bytes(routers * sizeof(Routed))) Routed[routers];
  return out;
}

Routed* ViT::routed_at(Context& c, int i, Var x, Override override, ModelOutput& out) const {
  if (!config_.sparse(i)) return nullptr;
  if (!router_ || out.routers == 0) ++out.routers;
  if (router_ && i == first_sparse()) out.routed[0] = route(c, x, override);
  return &out.routed[out.routers - 1];
}

ModelOutput ViT::forward(Context& c, Tensor images, Override override, AttentionMaps* maps) const {
  ModelOutput out = begin_output(c);
  Var x = embed(c, images);  // [b, T, D]
  for (int i = 0; i < config_.depth; ++i) x = block(c, i, x, routed_at(c, i, x, override, out), maps);
  out.logits = classify(c, x);
  return out;
}

void ViT::walk(Context& c, int i, Var x, Pause& pause, ModelOutput& out) const {
  for (; i < config_.depth; ++i) {
    Routed* const routed = routed_at(c, i, x, {}, out);
    if (!routed) {
      x = block(c, i, x, nullptr, nullptr);
      continue;
    }
    pause.block = i;
    pause.at = blocks_[static_cast<std::size_t>(i)].before_mlp(c, x, reads(i), routed);
    pause.xs = experts(i).ask(c, pause.at.normed, pause.at.routed);
    return;
  }
  pause.block = config_.depth;
  out.logits = classify(c, x);
}

ViT::Pause ViT::forward_to_experts(Context& c, Tensor images, ModelOutput& out) const {
  Pause pause{};
  out = begin_output(c);
  walk(c, 0, embed(c, images), pause, out);
  return pause;
}

void ViT::forward_from_experts(Context& c, Var ys, Pause& pause, ModelOutput& out) const {
  walk(c, pause.block + 1, blocks_[static_cast<std::size_t>(pause.block)].after_experts(c, pause.at, ys), pause, out);
}

ModelOutput ViT::forward_trunk(Context& c, Tensor images) const {
  if (!router_)
    fail("vit: only where images are routed does a network part in two: this one has ",
         config_.moe.experts == 0 ? "no experts" : "a router in each block");
  ModelOutput out = begin_output(c);
  out.tokens = embed(c, images);
  for (int i = 0; i < first_sparse(); ++i) out.tokens = block(c, i, out.tokens, nullptr, nullptr);
  routed_at(c, first_sparse(), out.tokens, {}, out);
  return out;
}

Var ViT::forward_tail(Context& c, Var x, Routed& routed) const {
  for (int i = first_sparse(); i < config_.depth; ++i) x = block(c, i, x, &routed, nullptr);
  return classify(c, x);
}

Range ViT::tail() const {
  return {parameters_.find("blocks." + std::to_string(first_sparse()) + ".norm1.weight")->offset,
          parameters_.block_size()};
}

std::size_t ViT::behind_experts(int block) const {
  const std::string last = "blocks." + std::to_string(block) + ".mlp.experts.fc2.bias";
  const auto& list = parameters_.list();
  for (std::size_t i = 1; i < list.size(); ++i)
    if (list[i - 1].name == last) return list[i].offset;
  fail("vit: block ", block, " has no experts");
}

Range ViT::place_of_experts(int block) const {
  const std::string mlp = "blocks." + std::to_string(block) + ".mlp.experts.";
  const Parameter &first = *parameters_.find(mlp + "fc1.weight"), &last = *parameters_.find(mlp + "fc2.bias");
  return {first.offset, last.offset + last.shape.size()};
}

}  // namespace mvmoe
