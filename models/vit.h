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
  Var tokens;                // [b, T, D], the input of the first sparse block; set by `forward_trunk` only
  Routed* routed = nullptr;  // [routers], in the arena
  int routers = 0;           // 1 where images are routed, one for each sparse block where tokens are, 0 if dense
};

class ViT {
 public:
  // Checks the configuration. Weights are zero until they are initialised or read. `declared` is called with the list
  // of parameters before memory is taken for them. It may throw, for example if a file's configuration does not match
  // its tensors. `experts_here`: the number of experts that live on this rank, as its experts 0, 1, ..; 0: all.
  explicit ViT(const ModelConfig& config, const std::function<void(const Parameters&)>& declared = {},
               int experts_here = 0);

  // timm's initialisation (models/README.md). A parameter's start depends on the seed and its place in the list.
  void initialise(std::uint64_t seed);

  // images [b, 3, S, S] to logits. Throws if the images are of another size.
  // `override` sends images to given experts instead of the router's (routing by image, evaluation only).
  // `maps`: see TransformerBlock::forward.
  ModelOutput forward(Context& c, Tensor images, Override override = {}, AttentionMaps* maps = nullptr) const;

  // The forward in two halves, where images are routed and experts live on other ranks
  // (train/experts/expert_parallel.h). The trunk: all before the first sparse block, and the router. The tail: the
  // sparse blocks and the head, x [b, T, D] to logits; its images may have come from other ranks. `routed` holds gates
  // and the assignments to this rank's experts.
  ModelOutput forward_trunk(Context& c, Tensor images) const;
  Var forward_tail(Context& c, Var x, Routed& routed) const;
  // The range of a parameter block that the tail reads. The trunk reads what is before it.
  Range tail() const;

  // The forward with a pause in every sparse block. It stops before the experts of the block; the caller runs them on
  // `xs` and passes on their results `ys`, which have the shape of xs. At the end pause.block is the depth, and
  // out.logits is set.
  struct Pause {
    int block;
    TransformerBlock::AtMlp at;
    Var xs;  // [A*rows, D], sorted by expert
  };
  Pause forward_to_experts(Context& c, Tensor images, ModelOutput& out) const;
  void forward_from_experts(Context& c, Var ys, Pause& pause, ModelOutput& out) const;
  const Experts& experts(int block) const { return *blocks_[static_cast<std::size_t>(block)].experts(); }
  // Two places in a parameter block, for a sparse block of the network: where the parameters begin that are read after
  // its experts; and the range of its experts.
  std::size_t behind_experts(int block) const;
  Range place_of_experts(int block) const;

  const ModelConfig& config() const { return config_; }
  const Parameters& parameters() const { return parameters_; }
  Parameters& parameters() { return parameters_; }

  // Calls visit(const Router&) for each router, in the order of ModelOutput::routed.
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
