#include "ops/softmax.h"

#include <algorithm>

#include "engine/vector_math.h"

namespace mvmoe {

void softmax_row(float* row, int n) {
  float largest = row[0], sum = 0;
#pragma omp simd reduction(max : largest)
  for (int i = 0; i < n; ++i) largest = row[i] > largest ? row[i] : largest;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < n; ++i) {
    row[i] = exp_of(row[i] - largest);
    sum += row[i];
  }
  const float scale = 1 / sum;
#pragma omp simd
  for (int i = 0; i < n; ++i) row[i] *= scale;
}

void Softmax::forward() const {
  p.copy_from(z);
  for (int r = 0; r < p.rows(); ++r) softmax_row(p.row(r), p.width());
}

// dp_c/dz_j = p_c (1{c = j} - p_j): the Jacobian diag(p) - p p^T, contracted with dp.
void Softmax::backward(Tensor dp, Tensor dz) const {
  const int C = p.width();
  for (int r = 0; r < p.rows(); ++r) {
    const float *pr = p.row(r), *dpr = dp.row(r);
    float* dzr = dz.row(r);
    float dot = 0;
    for (int c = 0; c < C; ++c) dot += pr[c] * dpr[c];
    for (int c = 0; c < C; ++c) dzr[c] += pr[c] * (dpr[c] - dot);
  }
}

Var softmax(Context& c, Var z) {
  const Var p = c.tape.output(z.shape());
  const Softmax op{.z = z.value(), .p = p.value()};
  op.forward();
  c.tape.record("softmax", {z}, p, [=] { op.backward(p.grad(), z.grad()); });
  return p;
}

}  // namespace mvmoe
