#include "ops/add_loss.h"

namespace mvmoe {
Var add_loss(Context& c, Var total, float weight, Var loss) {
  const Var y = c.tape.output({1});
  y.value()[0] = total.item() + weight * loss.item();
  c.tape.record("add_loss", {total, loss}, y, [=] {
    const float dy = y.grad()[0];
    if (total.wants_grad()) total.grad()[0] += dy;
    if (loss.wants_grad()) loss.grad()[0] += weight * dy;
  });
  return y;
}

}  // namespace mvmoe
