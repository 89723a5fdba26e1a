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
  Var logits;                // [b, classes]
  Routed* routed = nullptr;  // in the arena: one for the network where images are routed, one a sparse block where
  int routers = 0;           // tokens are; none in a dense network
};

class ViT {
 public:
  // Checks the configuration; weights are zero until initialised or read. `declared` sees them before memory is taken for
  // them, and may throw: a file's configuration need not be true.
  explicit ViT(const ModelConfig& config, const std::function<void(const Parameters&)>& declared = {});

  // timm's initialisation (docs: models/README.md), each parameter keyed by seed and its place in the list.
  void initialise(std::uint64_t seed);

  // images [b, 3, S, S] to logits. Throws if the images are of another size.
  // `override` sends images elsewhere than their router says (per-image routing, evaluation only).
  // `maps`: see TransformerBlock::forward.
  ModelOutput forward(Context& c, Tensor images, Override override = {}, AttentionMaps* maps = nullptr) const;

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
  ModelConfig config_;
  Parameters parameters_;
  ParameterId class_token_ = -1, positions_;  // -1: none
  LinearParameters patch_embed_, head_;
  std::vector<TransformerBlock> blocks_;
  std::optional<Router> router_;  // of the whole network, where images are routed
  NormParameters norm_;
};

}  // namespace mvmoe
