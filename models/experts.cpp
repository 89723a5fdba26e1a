#include "models/experts.h"

#include "ops/dispatch.h"
#include "ops/grouped_linear.h"
#include "ops/residual.h"

namespace mvmoe {
namespace {

// Decay is set by hand here: a stacked bias has two axes, but must not decay.
LinearParameters add_stacked(Parameters& parameters, const std::string& name, int experts, int whole, int in, int out) {
  const ParameterId weight =
      parameters.add(name + ".weight", {experts, out, in}, {Init::Kind::normal, 0.02f}, true, whole);
  return {weight, parameters.add(name + ".bias", {experts, out}, {}, false, whole)};
}

}  // namespace

bool is_of_experts(const std::string& parameter) { return parameter.find(".experts.") != std::string::npos; }

Experts::Experts(Parameters& parameters, const std::string& name, const ModelConfig& config, int here) {
  const int D = config.width, hidden = config.hidden(), E = here > 0 ? here : config.moe.experts,
            shared = config.moe.shared_experts;
  const int whole = here > 0 ? config.moe.experts : 0;
  fc1_ = add_stacked(parameters, name + ".experts.fc1", E, whole, D, hidden);
  fc2_ = add_stacked(parameters, name + ".experts.fc2", E, whole, hidden, D);
  if (shared == 0) return;
  shared_fc1_ = add_linear(parameters, name + ".shared.fc1", D, shared * hidden);
  shared_fc2_ = add_linear(parameters, name + ".shared.fc2", shared * hidden, D);
}

void Experts::start_equal(const Parameters& parameters) const {
  for (const LinearParameters& layer : {fc1_, fc2_}) {     // their biases start at 0
    const Tensor weight = parameters.value(layer.weight);  // [E, out, in]
    const std::size_t one = weight.size() / static_cast<std::size_t>(weight.shape()[0]);
    for (std::size_t i = one; i < weight.size(); ++i) weight[i] = weight[i - one];
  }
}

Var Experts::ask(Context& c, Var x, const Routed& routed) const { return dispatch(c, x, routed.assignments); }

Var Experts::answer(Context& c, Var xs, const Assignments& a) const {
  const Var hidden = grouped_linear_gelu(c, xs, c.parameter(fc1_.weight), c.parameter(fc1_.bias), a);  // [A*rows, 4D]
  return grouped_linear(c, hidden, c.parameter(fc2_.weight), c.parameter(fc2_.bias), a);
}

Var Experts::hear(Context& c, Var ys, Var x, const Routed& routed) const {
  const Var y = combine(c, ys, routed.gates, routed.assignments, x.shape());
  if (shared_fc1_.weight < 0) return y;
  return residual_linear(c, y, linear_gelu(c, x, shared_fc1_), shared_fc2_);
}

}  // namespace mvmoe
