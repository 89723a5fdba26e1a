// ops/panel_linear.h: linear for inference, by tiles, from weights that were laid out once. GELU or a residual sum is
// done while a tile is in the cache. The work is shared among the threads of a lane.
//   y = x W^T + b     y = gelu(x W^T + b)     y = onto + x W^T + b
// The same to rounding as ops/linear.h with ops/gelu.h or ops/residual.h; nothing is saved, and there is no backward.
#pragma once
#include "engine/context.h"

namespace mvmoe {

struct PanelLinear {
  Tensor x;             // [.., K], seen as R rows
  const float* panels;  // W [N, K], as engine/panels.h lays it out
  Tensor bias;          // [N], or empty: none
  bool gelu = false;
  Tensor onto = {};                          // shaped as y, and may be y itself; empty: nothing is added
  void forward(Context& c, Tensor y) const;  // y [.., N]
};

// Computes it and records it as "linear". If `weight` has no panels in this context, it returns an empty variable; a
// weight that wants a gradient has none. An empty bias means no bias. `onto` is empty, or the result is written there.
Var panel_linear(Context& c, Var x, Var weight, Var bias, bool gelu = false, Var onto = {});

}  // namespace mvmoe
