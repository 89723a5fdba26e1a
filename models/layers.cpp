#include "models/layers.h"

#include "ops/fused_linear.h"
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

namespace {

Var bias_of(Context& c, const LinearParameters& p) { return p.bias < 0 ? Var{} : c.parameter(p.bias); }

}  // namespace

Var linear(Context& c, Var x, const LinearParameters& p) { return linear(c, x, c.parameter(p.weight), bias_of(c, p)); }

Var linear_gelu(Context& c, Var x, const LinearParameters& p) {
  return linear_gelu(c, x, c.parameter(p.weight), bias_of(c, p));
}

Var residual_linear(Context& c, Var stream, Var x, const LinearParameters& p, Tensor factors) {
  return residual_linear(c, stream, x, c.parameter(p.weight), bias_of(c, p), factors);
}

Var layer_norm(Context& c, Var x, const NormParameters& p) {
  return layer_norm(c, x, c.parameter(p.gamma), c.parameter(p.beta));
}

}  // namespace mvmoe
