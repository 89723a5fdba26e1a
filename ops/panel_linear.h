// ops/panel_linear.h: linear for inference: by tiles, from weights laid out once, with what follows done while a tile
// is in the cache, and shared among the threads of a lane.
//   y = x W^T + b     y = gelu(x W^T + b)     y = onto + x W^T + b
// The same to rounding as ops/linear.h and what is named there; nothing is saved, there is no backward.
#pragma once
#include "engine/context.h"

namespace mvmoe {

struct PanelLinear {
  Tensor x;             // [.., K], seen as R rows
  const float* panels;  // W [N, K], as engine/panels.h lays it out
  Tensor bias;          // [N], or empty: none
  bool gelu = false;
  Tensor onto = {};                          // as y, which it may be; or empty: nothing is added
  void forward(Context& c, Tensor y) const;  // y [.., N]
};

// Records it, as "linear", if `weight` has panels in this context; else gives an empty variable. What wants a gradient
// has none. An empty bias: none; `onto` is shaped as the result, which is written there, or empty.
Var panel_linear(Context& c, Var x, Var weight, Var bias, bool gelu = false, Var onto = {});

}  // namespace mvmoe
