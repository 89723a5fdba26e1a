// models/block.h: one pre-norm transformer block, its MLP dense or sparse.
//   x <- x + attention(norm1(x))     x <- x + mlp(norm2(x))     source: ViT, arXiv 2010.11929, equations 2 and 3
#pragma once
#include <optional>

#include "models/experts.h"
#include "models/layers.h"
#include "models/rollout.h"
#include "models/router.h"

namespace mvmoe {

// Which tokens of the block's output somebody reads.
enum class Reads { every_token, class_token };

class TransformerBlock {
 public:
  // `experts_here`: see Experts.
  TransformerBlock(Parameters& parameters, const ModelConfig& config, int index, int experts_here = 0);

  // x [b, T, D] to [b, T, D]; or to [b, 1, D] where only the class token is read: then queries, projection and MLP
  // are computed for that token alone, and no result that is read changes. (A block that routes by token computes all
  // of them up to its router, since each counts for balance, capacity and priority; its experts see that token alone.)
  // `routed`: in a sparse block, the images' experts where images are routed; where tokens are, the block's own
  // decision is left there.
  // `maps`: what each token reads of the others is left there (models/rollout.h); null: nobody asks.
  Var forward(Context& c, Var x, Reads reads, Routed* routed = nullptr, AttentionMaps* maps = nullptr) const;

  // A block in two, before its MLP and, of a sparse one, after its experts, which may live elsewhere.
  struct AtMlp {
    Var x, normed;  // [b, T, D], or [b, 1, D]: what passes by, and what the experts' input is taken from
    Routed routed;
  };
  AtMlp before_mlp(Context& c, Var x, Reads reads, Routed* routed, AttentionMaps* maps = nullptr) const;
  Var after_experts(Context& c, const AtMlp& at, Var ys) const;  // ys [A*rows, D] from at.normed's

  const Router* router() const { return router_ ? &*router_ : nullptr; }      // of a block that routes by token
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
