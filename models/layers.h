// models/layers.h: an op together with its parameters, named as timm names them.
#pragma once
#include <string>

#include "engine/context.h"

namespace mvmoe {

// bias is -1 where there is none.
struct LinearParameters {
  ParameterId weight = -1, bias = -1;
};

struct NormParameters {
  ParameterId gamma = -1, beta = -1;
};

LinearParameters add_linear(Parameters& parameters, const std::string& name, int in, int out, bool with_bias = true);
NormParameters add_norm(Parameters& parameters, const std::string& name, int width);

// The ops of the same names, with their parameters put on the tape.
Var linear(Context& c, Var x, const LinearParameters& p);
Var residual_linear(Context& c, Var stream, Var x, const LinearParameters& p, Tensor factors = {});
Var layer_norm(Context& c, Var x, const NormParameters& p);
Var linear_gelu(Context& c, Var x, const LinearParameters& p);

}  // namespace mvmoe
