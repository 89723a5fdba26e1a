#include "models/router.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/random.h"
#include "ops/gate.h"
#include "ops/linear.h"
#include "ops/residual.h"
#include "ops/softmax.h"
#include "ops/tokens.h"

namespace mvmoe {

Router::Router(Parameters& parameters, const std::string& name, const ModelConfig& config, int layer)
    : config_(config.moe), layer_(layer) {
  linear_ = add_linear(parameters, name, config.width, config.moe.experts, config.moe.router_bias);
  if (config.moe.balance == Balance::bias) bias_ = parameters.add(name + ".balance_bias", {config.moe.experts}, {});
}

Routed Router::forward(Context& c, Var x, int per_image, Override override) const {
  const int n = x.shape()[0], E = config_.experts, k = config_.top_k;
  Routed routed;
  routed.logits = linear(c, x, linear_);
  Var noisy = routed.logits;
  if (c.key.training && config_.router_noise > 0) {
    routed.noise = c.arena.take({n, E});
    for (int i = 0; i < n; ++i) {  // keyed by the item's place in the batch, so the lanes do not matter
      Random random(
          c.key.seed, Place::router_noise, c.key.step,
          (c.key.first_image * static_cast<std::uint64_t>(per_image) + static_cast<std::uint64_t>(i)) * max_depth +
              static_cast<std::uint64_t>(layer_));
      for (int e = 0; e < E; ++e) routed.noise.row(i)[e] = config_.router_noise * random.normal();
    }
    noisy = residual(c, routed.logits, c.tape.constant(routed.noise));
  }
  routed.probs = softmax(c, noisy);

  Tensor scores = routed.probs.value();  // [n, E]: what chooses
  if (override.experts) {
    if (c.key.training || per_image != 1) fail("router: an override is for the evaluation of per-image routing");
    // Swaps the largest p with that of the wanted expert: the router is as sure as before, but of another expert.
    for (int i = 0; i < n; ++i) {
      float* p = scores.row(i);
      std::swap(*std::max_element(p, p + E), p[override.experts[i]]);
    }
  }
  if (bias_ >= 0 && !override.experts) {
    const Tensor bias = c.parameter(bias_).value(), biased = c.arena.take({n, E});
    for (int i = 0; i < n; ++i)
      for (int e = 0; e < E; ++e) biased.row(i)[e] = scores.row(i)[e] + bias.data()[e];
    scores = biased;
  }
  const float factor = c.key.training ? config_.capacity : config_.eval_capacity;
  if (config_.balance == Balance::expert_choice) {
    routed.assignments = assign_by_expert_choice(c.arena, scores, capacity_for(n, k, E, factor > 0 ? factor : 1));
  } else {
    int* chosen =
        static_cast<int*>(c.arena.take_bytes(static_cast<std::size_t>(n) * static_cast<std::size_t>(k) * sizeof(int)));
    top_k(scores, k, chosen);
    const Capacity capacity{.per_expert = factor > 0 ? capacity_for(n, k, E, factor) : 0,
                            .by_priority = config_.batch_priority};
    routed.chosen = chosen;
    routed.assignments = assign(c.arena, routed.probs.value(), chosen, k, capacity);
  }
  routed.gates = gates_of(c, routed.probs, routed.assignments);
  return routed;
}

Routed Router::of_first_tokens(Context& c, const Routed& routed, int per_image) const {
  const int images = routed.assignments.items / per_image, E = config_.experts;
  Routed first;
  first.probs = c.tape.view(select_token(c, c.tape.view(routed.probs, {images, per_image, E}), 0), {images, E});
  first.assignments = every_nth(c.arena, routed.assignments, per_image);
  first.gates = gates_of(c, first.probs, first.assignments);
  return first;
}

Var Router::gates_of(Context& c, Var probs, const Assignments& assignments) const {
  return gate(c, probs, assignments, config_.renormalise_gates && config_.balance != Balance::expert_choice);
}

}  // namespace mvmoe
