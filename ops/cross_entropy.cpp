#include "ops/cross_entropy.h"

#include <cmath>

#include "ops/check.h"

namespace mvmoe {

// log softmax(z)_c = z_c - m - log sum_j e^(z_j - m), m the largest: nothing overflows, and no log of 0 is taken.
float CrossEntropy::forward() const {
  const int C = logits.width();
  double loss = 0;
  for (int i = 0; i < logits.rows(); ++i) {
    const float *z = logits.row(i), *target = targets.row(i);
    float* p = probs.row(i);
    float largest = z[0];
    for (int c = 1; c < C; ++c) largest = z[c] > largest ? z[c] : largest;
    double sum = 0;
    for (int c = 0; c < C; ++c) sum += std::exp(static_cast<double>(z[c]) - largest);
    const double log_sum = std::log(sum);
    for (int c = 0; c < C; ++c) {
      const double log_p = static_cast<double>(z[c]) - largest - log_sum;
      p[c] = static_cast<float>(std::exp(log_p));
      if (target[c] != 0) loss -= target[c] * log_p;
    }
  }
  return static_cast<float>(loss);
}

// d/dz_c of -sum_k t_k log p_k is p_c sum_k t_k - t_c; the sum is 1 for a distribution.
void CrossEntropy::backward(float dloss, Tensor dlogits) const {
  const int C = logits.width();
  for (int i = 0; i < logits.rows(); ++i) {
    const float *p = probs.row(i), *target = targets.row(i);
    float* dz = dlogits.row(i);
    float total = 0;
    for (int c = 0; c < C; ++c) total += target[c];
    for (int c = 0; c < C; ++c) dz[c] += dloss * (p[c] * total - target[c]);
  }
}

Var cross_entropy(Context& c, Var logits, Tensor targets) {
  require_shape("cross_entropy", "targets", targets.shape(), logits.shape(), "logits", logits.shape());
  const CrossEntropy op{.logits = logits.value(), .targets = targets, .probs = c.arena.take(logits.shape())};
  const Var loss = c.tape.output({1});
  loss.value()[0] = op.forward();
  c.tape.record("cross_entropy", {logits}, loss, [=] { op.backward(loss.grad()[0], logits.grad()); });
  return loss;
}

}  // namespace mvmoe
