// models/router.h: decides which experts an item (an image, or a token) goes to, and with what weight.
//   z = W x (+ b)   p = softmax(z + noise)     the k largest p are chosen, and weigh what their experts give
// Routing follows the router's own choice, in training too: labels enter only a loss on p.
//   source  V-MoE, arXiv 2106.05974, section 2; per image: Mobile V-MoE, arXiv 2309.04354, section 2.2
#pragma once
#include <string>

#include "engine/context.h"
#include "models/config.h"
#include "models/layers.h"
#include "ops/route.h"

namespace mvmoe {

// One router's decision on the n items of a lane, and what losses and statistics read of it.
struct Routed {
  Var logits;                   // [n, E], clean
  Var probs;                    // [n, E], the softmax of the noisy logits; they choose and weigh
  Tensor noise;                 // [n, E], or empty: none
  Assignments assignments;      // of items to experts, sorted by expert
  const int* chosen = nullptr;  // [n, K] each item's choices, the first first; null where experts choose
  Var gates;                    // [assignments]
};

// Sends image i to expert `experts[i]` in the first place, whatever its router says: an oracle, or chance. The router's
// largest weight goes along; evaluation only.
struct Override {
  const int* experts = nullptr;  // [b]; null: none
};

class Router {
 public:
  // `layer` numbers the router's noise: each draws for itself.
  Router(Parameters& parameters, const std::string& name, const ModelConfig& config, int layer);

  // x [n, D]; `per_image` items an image, for the numbering of the noise. Capacity holds for these n items together.
  Routed forward(Context& c, Var x, int per_image, Override override = {}) const;

  // What the experts need of a decision on images of `per_image` tokens where only each image's first token is read.
  Routed of_first_tokens(Context& c, const Routed& routed, int per_image) const;

  // The bias that balances without a loss (arXiv 2408.15664): added to p for choosing only, moved after each step, no
  // gradient. -1 where it is not used.
  ParameterId balance_bias() const { return bias_; }

 private:
  Var gates_of(Context& c, Var probs, const Assignments& assignments) const;

  MoeConfig config_;
  LinearParameters linear_;
  ParameterId bias_ = -1;
  int layer_;
};

}  // namespace mvmoe
