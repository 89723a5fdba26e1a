// ops/dispatch.h: copies items to their experts, and adds the results back.
//
// An item is `rows` rows of width D: all tokens of an image where images are routed, one row where tokens are routed.
// Between the two operations the rows are sorted by expert, so an expert reads one contiguous matrix.
//   dispatch   x [n*rows, D] to [A*rows, D]:       xs_a = x_item(a)
//   combine    ys [A*rows, D] to [n*rows, D]:      y_i = sum over the item's a of gate_a ys_a
//   gradients  dispatch: dx, added to.  combine: dys, dgates, added to
//   note       an item that no expert takes gets y = 0; in a block the residual stream still carries it
#pragma once
#include "engine/context.h"
#include "ops/route.h"

namespace mvmoe {

struct Dispatch {
  Tensor x;  // [n*rows, D]
  Assignments assignments;
  int rows;  // an item
  void forward(Tensor xs) const;
  void backward(Tensor dxs, Tensor dx) const;
};

struct Combine {
  Tensor ys;     // [A*rows, D]
  Tensor gates;  // [A]
  Assignments assignments;
  int rows;                      // an item
  void forward(Tensor y) const;  // [n*rows, D]
  void backward(Tensor dy, Tensor dys, Tensor dgates) const;
};

Var dispatch(Context& c, Var x, const Assignments& assignments);  // rows = x's rows / items

// `like` is the shape of y: that of the tensor that was dispatched.
Var combine(Context& c, Var ys, Var gates, const Assignments& assignments, const Shape& like);

}  // namespace mvmoe
