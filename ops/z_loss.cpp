#include "ops/z_loss.h"

#include <algorithm>
#include <cmath>

namespace mvmoe {
namespace {

double logsumexp(const float* z, int n) {
  const double largest = *std::max_element(z, z + n);
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += std::exp(z[i] - largest);
  return largest + std::log(sum);
}

}  // namespace

Var z_loss(Context& c, Var logits) {
  const int n = logits.value().rows(), E = logits.shape().back();
  const Tensor z = logits.value(), lse = c.arena.take({n});
  double sum = 0;
  for (int i = 0; i < n; ++i) {
    const double l = logsumexp(z.row(i), E);
    lse.data()[i] = static_cast<float>(l);
    sum += l * l;
  }
  const Var loss = c.tape.output({1});
  loss.value()[0] = static_cast<float>(sum / n);
  c.tape.record("z_loss", {logits}, loss, [=] {
    const Tensor dz = logits.grad();
    for (int i = 0; i < n; ++i)
      for (int e = 0; e < E; ++e)
        dz.row(i)[e] +=
            loss.grad()[0] * 2 / static_cast<float>(n) * lse.data()[i] * std::exp(z.row(i)[e] - lse.data()[i]);
  });
  return loss;
}

}  // namespace mvmoe
