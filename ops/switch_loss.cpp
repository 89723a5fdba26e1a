#include "ops/switch_loss.h"

#include <algorithm>

namespace mvmoe {
Var switch_loss(Context& c, Var p) {
  const int n = p.value().rows(), E = p.shape().back();
  const Tensor rows = p.value(), share = c.arena.take({E});  // f [E]
  share.fill(0);
  for (int i = 0; i < n; ++i)
    share.data()[std::max_element(rows.row(i), rows.row(i) + E) - rows.row(i)] += 1 / static_cast<float>(n);
  double sum = 0;
  for (int i = 0; i < n; ++i)
    for (int e = 0; e < E; ++e) sum += static_cast<double>(share.data()[e]) * rows.row(i)[e];
  const Var loss = c.tape.output({1});
  loss.value()[0] = static_cast<float>(E * sum / n);
  c.tape.record("switch_loss", {p}, loss, [=] {
    const Tensor dp = p.grad();
    const float factor = loss.grad()[0] * static_cast<float>(E) / static_cast<float>(n);
    for (int i = 0; i < n; ++i)
      for (int e = 0; e < E; ++e) dp.row(i)[e] += factor * share.data()[e];
  });
  return loss;
}

}  // namespace mvmoe
