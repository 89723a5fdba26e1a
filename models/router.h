// models/router.h: decides which experts an item (an image, or a token) goes to, and with what weight.
//   z = W x (+ b)   p = softmax(z + noise)     the k largest p are chosen; they weight the results of their experts
// Routing follows the router's own choice, in training too. Labels enter a loss on p, and nothing else.
//   source  V-MoE, arXiv 2106.05974, section 2; per image: Mobile V-MoE, arXiv 2309.04354, section 2.2
#pragma once
#include <string>

#include "engine/context.h"
#include "models/config.h"
#include "models/layers.h"
#include "ops/route.h"

namespace mvmoe {

// One router's decision on the n items of a lane. Losses and statistics read it.
struct Routed {
  Var logits;                   // [n, E], clean
  Var probs;                    // [n, E], the softmax of the noisy logits
  Tensor noise;                 // [n, E], or empty: none
  Assignments assignments;      // of items to experts, sorted by expert
  const int* chosen = nullptr;  // [n, k] each item's choices, the best first; null where experts choose
  Var gates;                    // [assignments]
};

// Makes `experts[i]` the first choice of image i, whatever the router says. Its gate is the router's largest p.
// Evaluation only: it measures a router that is always right, or one that guesses.
struct Override {
  const int* experts = nullptr;  // [b]; null: none
};

class Router {
 public:
  // `layer` is the router's number; each router draws noise of its own.
  Router(Parameters& parameters, const std::string& name, const ModelConfig& config, int layer);

  // x [n, D]. An image has `per_image` items; the noise of an item is keyed by the image and the item in it. The n
  // items share the capacity.
  Routed forward(Context& c, Var x, int per_image, Override override = {}) const;

  // Reduces a decision on images of `per_image` tokens to the first token of each image. Fills probs, assignments and
  // gates alone, which is all that the experts need.
  Routed of_first_tokens(Context& c, const Routed& routed, int per_image) const;

  // The bias that balances without a loss (arXiv 2408.15664). It is added to p for the choice only, moved after each
  // step, and has no gradient. -1: not used.
  ParameterId balance_bias() const { return bias_; }

 private:
  Var gates_of(Context& c, Var probs, const Assignments& assignments) const;

  MoeConfig config_;
  LinearParameters linear_;
  ParameterId bias_ = -1;
  int layer_;
};

}  // namespace mvmoe
