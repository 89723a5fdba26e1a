#include "models/layers.h"

#include "ops/gelu.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"

namespace mvmoe {

LinearParameters add_linear(Parameters& parameters, const std::string& name, int in, int out, bool with_bias) {
  LinearParameters p;
  p.weight = parameters.add(name + ".weight", {out, in}, {Init::Kind::normal, 0.02f}, true);
  if (with_bias) p.bias = parameters.add(name + ".bias", {out}, {});
  return p;
}

NormParameters add_norm(Parameters& parameters, const std::string& name, int width) {
  const ParameterId gamma = parameters.add(name + ".weight", {width}, {Init::Kind::ones});
  return {gamma, parameters.add(name + ".bias", {width}, {})};
}

Var linear(Context& c, Var x, const LinearParameters& p) {
  return linear(c, x, c.parameter(p.weight), p.bias < 0 ? Var{} : c.parameter(p.bias));
}

Var layer_norm(Context& c, Var x, const NormParameters& p) { return layer_norm(c, x, c.parameter(p.gamma), c.parameter(p.beta)); }

Var mlp(Context& c, Var x, const LinearParameters& fc1, const LinearParameters& fc2) { return linear(c, gelu(c, linear(c, x, fc1)), fc2); }

}  // namespace mvmoe
