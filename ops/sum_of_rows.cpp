#include "ops/sum_of_rows.h"

namespace mvmoe {
Var sum_of_rows(Context& c, Var p) {
  const int E = p.shape().back();
  const Var s = c.tape.output({E});
  const Tensor rows = p.value(), sum = s.value();
  sum.fill(0);
  for (int i = 0; i < rows.rows(); ++i)
    for (int e = 0; e < E; ++e) sum.data()[e] += rows.row(i)[e];
  c.tape.record("sum_of_rows", {p}, s, [=] {
    const Tensor ds = s.grad(), dp = p.grad();
    for (int i = 0; i < dp.rows(); ++i)
      for (int e = 0; e < E; ++e) dp.row(i)[e] += ds.data()[e];
  });
  return s;
}

}  // namespace mvmoe
