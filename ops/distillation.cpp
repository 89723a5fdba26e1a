#include "ops/distillation.h"

#include <cmath>

#include "ops/check.h"

namespace mvmoe {
namespace {

// The log-probabilities of one row: log softmax(z / T)_c = (z_c - largest) / T - log_sum. Nothing overflows.
struct SoftRow {
  SoftRow(const float* z, int C, double temperature) : z(z), temperature(temperature), largest(z[0]) {
    for (int c = 1; c < C; ++c) largest = z[c] > largest ? z[c] : largest;
    double sum = 0;
    for (int c = 0; c < C; ++c) sum += std::exp((z[c] - largest) / temperature);
    log_sum = std::log(sum);
  }
  double log_p(int c) const { return (z[c] - largest) / temperature - log_sum; }

  const float* z;
  double temperature, largest, log_sum = 0;
};

}  // namespace

float Distillation::forward() const {
  const int C = logits.width();
  double loss = 0;
  for (int i = 0; i < logits.rows(); ++i) {
    const SoftRow student(logits.row(i), C, temperature), from(teacher.row(i), C, temperature);
    float* d = difference.row(i);
    for (int c = 0; c < C; ++c) {
      const double log_p = from.log_p(c), log_q = student.log_p(c), p = std::exp(log_p);
      d[c] = static_cast<float>(std::exp(log_q) - p);
      if (p != 0) loss += p * (log_p - log_q);  // the limit of p log p for p to 0 is 0
    }
  }
  return static_cast<float>(loss * temperature * temperature);
}

// d/dz_c of -T^2 sum_k p_k log q_k is T^2 (q_c - p_c) / T, as p is a distribution.
void Distillation::backward(float dloss, Tensor dlogits) const {
  for (int i = 0; i < logits.rows(); ++i) {
    const float* d = difference.row(i);
    float* dz = dlogits.row(i);
    for (int c = 0; c < logits.width(); ++c) dz[c] += dloss * temperature * d[c];
  }
}

Var distillation(Context& c, Var logits, Tensor teacher, float temperature) {
  require_shape("distillation", "teacher", teacher.shape(), logits.shape(), "logits", logits.shape());
  if (!(temperature > 0)) fail("distillation: the temperature is ", temperature, ", must be above 0");
  const Distillation op{.logits = logits.value(),
                        .teacher = teacher,
                        .difference = c.arena.take(logits.shape()),
                        .temperature = temperature};
  const Var loss = c.tape.output({1});
  loss.value()[0] = op.forward();
  c.tape.record("distillation", {logits}, loss, [=] { op.backward(loss.grad()[0], logits.grad()); });
  return loss;
}

}  // namespace mvmoe
