// models/block.h: one pre-norm transformer block, its MLP dense or sparse.
//   x <- x + attention(norm1(x))     x <- x + mlp(norm2(x))     source: ViT, arXiv 2010.11929, equations 2 and 3
#pragma once
#include <optional>

#include "models/experts.h"
#include "models/layers.h"
#include "models/rollout.h"
#include "models/router.h"

namespace mvmoe {

// The tokens of a block's output that are read later.
enum class Reads { every_token, class_token };

class TransformerBlock {
 public:
  // `experts_here`: see Experts.
  TransformerBlock(Parameters& parameters, const ModelConfig& config, int index, int experts_here = 0);

  // x [b, T, D] to [b, T, D], or to [b, 1, D] if only the class token is read. Then queries, projection and MLP are
  // computed for the class token alone; its result is the same. A block that routes tokens still computes all tokens up
  // to its router, since each counts for balance, capacity and priority; its experts see the class token alone.
  // `routed`, in a sparse block: where images are routed, the caller's decision; where tokens are, the block writes its
  // own decision there.
  // `maps`: the attention probabilities are added there (models/rollout.h); null: they are not computed.
  Var forward(Context& c, Var x, Reads reads, Routed* routed = nullptr, AttentionMaps* maps = nullptr) const;

  // The block in two halves, for experts that live on other ranks: up to the MLP, and (of a sparse block) from the
  // experts' results on.
  struct AtMlp {
    Var x, normed;  // [b, T, D], or [b, 1, D]: the residual stream, and norm2 of it, which the MLP reads
    Routed routed;
  };
  AtMlp before_mlp(Context& c, Var x, Reads reads, Routed* routed, AttentionMaps* maps = nullptr) const;
  Var after_experts(Context& c, const AtMlp& at, Var ys) const;  // ys [A*rows, D]: the experts' results

  const Router* router() const { return router_ ? &*router_ : nullptr; }      // null: the block does not route tokens
  const Experts* experts() const { return experts_ ? &*experts_ : nullptr; }  // null: the block is dense

 private:
  Var attend(Context& c, Var normed, Reads reads, AttentionMaps* maps) const;

  NormParameters norm1_, norm2_;
  LinearParameters qkv_, proj_, fc1_, fc2_;
  std::optional<Experts> experts_;  // instead of fc1 and fc2
  std::optional<Router> router_;
  int index_, width_, heads_;
  float drop_path_;
};

}  // namespace mvmoe
