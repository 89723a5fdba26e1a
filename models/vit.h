// models/vit.h: the Vision Transformer (arXiv 2010.11929), laid out and named as timm's.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/context.h"
#include "models/block.h"
#include "models/config.h"

namespace mvmoe {

struct ModelOutput {
  Var logits;                // [b, classes]; empty after `forward_trunk`
  Var tokens;                // [b, T, D] that the first sparse block is given; after `forward_trunk` alone
  Routed* routed = nullptr;  // in the arena: one for the network where images are routed, one a sparse block where
  int routers = 0;           // tokens are; none in a dense network
};

class ViT {
 public:
  // Checks the configuration; weights are zero until initialised or read. `declared` sees them before memory is taken
  // for them, and may throw: a file's configuration need not be true. `experts_here`: so many of the experts are this
  // process's, and are its experts 0, 1, ..; the others live elsewhere. 0: all are.
  explicit ViT(const ModelConfig& config, const std::function<void(const Parameters&)>& declared = {},
               int experts_here = 0);

  // timm's initialisation (docs: models/README.md), each parameter keyed by seed and its place in the list.
  void initialise(std::uint64_t seed);

  // images [b, 3, S, S] to logits. Throws if the images are of another size.
  // `override` sends images elsewhere than their router says (per-image routing, evaluation only).
  // `maps`: see TransformerBlock::forward.
  ModelOutput forward(Context& c, Tensor images, Override override = {}, AttentionMaps* maps = nullptr) const;

  // The same in two, where images are routed and their experts live elsewhere (train/experts/expert_parallel.h): all
  // before the first sparse block, and the router; then the sparse blocks and the head, for images that may be others:
  // x [b, T, D] to logits. `routed` needs assignments to the experts that are here, and gates.
  ModelOutput forward_trunk(Context& c, Tensor images) const;
  Var forward_tail(Context& c, Var x, Routed& routed) const;
  // What the second half reads of a block of the parameters' layout; the first half reads what is before it.
  Range tail() const;

  // The same with a pause in every sparse block, where its experts are asked: they are given `xs` and make as much of
  // it. At the end `block` is the depth, and out.logits are there.
  struct Pause {
    int block;
    TransformerBlock::AtMlp at;
    Var xs;  // [A*rows, D], sorted by expert
  };
  Pause forward_to_experts(Context& c, Tensor images, ModelOutput& out) const;
  void forward_from_experts(Context& c, Var ys, Pause& pause, ModelOutput& out) const;
  const Experts& experts(int block) const { return *blocks_[static_cast<std::size_t>(block)].experts(); }
  // Where in a block of the parameters' layout stands what is read behind the experts of a sparse block; and where
  // these stand.
  std::size_t behind_experts(int block) const;
  Range place_of_experts(int block) const;

  const ModelConfig& config() const { return config_; }
  const Parameters& parameters() const { return parameters_; }
  Parameters& parameters() { return parameters_; }

  // visit(const Router&), in the order of ModelOutput::routed.
  template <class Visit>
  void each_router(const Visit& visit) const {
    if (router_) visit(*router_);
    for (const TransformerBlock& block : blocks_)
      if (block.router()) visit(*block.router());
  }

 private:
  Var embed(Context& c, Tensor images) const;  // [b, 3, S, S] to [b, T, D]
  Var block(Context& c, int i, Var x, Routed* routed, AttentionMaps* maps) const;
  Routed route(Context& c, Var x, Override override) const;
  ModelOutput begin_output(Context& c) const;
  Routed* routed_at(Context& c, int i, Var x, Override override, ModelOutput& out) const;  // null in a dense block
  void walk(Context& c, int i, Var x, Pause& pause, ModelOutput& out) const;
  Var classify(Context& c, Var x) const;  // [b, T, D], or [b, 1, D] of the class token, to [b, classes]
  Reads reads(int i) const {
    return i + 1 == config_.depth && config_.pool == Pool::cls ? Reads::class_token : Reads::every_token;
  }
  int first_sparse() const { return config_.depth - config_.moe.layers; }

  ModelConfig config_;
  Parameters parameters_;
  ParameterId class_token_ = -1, positions_;  // -1: none
  LinearParameters patch_embed_, head_;
  std::vector<TransformerBlock> blocks_;
  std::optional<Router> router_;  // of the whole network, where images are routed
  NormParameters norm_;
};

}  // namespace mvmoe
