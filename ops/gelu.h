// ops/gelu.h: the Gaussian error linear unit, exact (erf), not the tanh approximation.
//   y = x Phi(x)     Phi the standard normal distribution's function
//   gradients  dx, added to
//   saved      x
//   source     Hendrycks and Gimpel 2016, arXiv 1606.08415, section 2
#pragma once
#include "engine/context.h"

namespace mvmoe {

struct Gelu {
  Tensor x;  // any shape
  void forward(Tensor y) const;
  void backward(Tensor dy, Tensor dx) const;
};

Var gelu(Context& c, Var x);

}  // namespace mvmoe
