// ops/dispatch.h: bring the items to their experts, and their results back.
//
// An item is `rows` rows of width D: all of an image's tokens where an image goes as a whole, one row where tokens go
// by themselves. Between the two ops the rows lie sorted by expert, so an expert sees one contiguous matrix.
//   dispatch   x [n*rows, D] to [A*rows, D]:       xs_a = x_item(a)
//   combine    ys [A*rows, D] to [n*rows, D]:      y_i = sum over the item's a of gate_a ys_a
//   gradients  dispatch: dx, added to.  combine: dys, dgates, added to
//   note       an item that no expert took gets y = 0: it passes on the residual alone
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

// `like` gives the shape of y: the tensor that was dispatched.
Var combine(Context& c, Var ys, Var gates, const Assignments& assignments, const Shape& like);

}  // namespace mvmoe
