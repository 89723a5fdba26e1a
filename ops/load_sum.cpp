#include "ops/load_sum.h"

#include <cmath>
#include <numbers>

#include "ops/check.h"

namespace mvmoe {
namespace {

double normal_below(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
double normal_density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi); }

}  // namespace

void LoadSum::forward(Tensor s) const {
  const int E = logits.width();
  s.fill(0);
  for (int i = 0; i < logits.rows(); ++i) {
    const float *z = logits.row(i), *v = noisy.row(i);
    // The k-th largest has k - 1 others before it. Of equal ones the lower expert comes first.
    for (int e = 0; e < E; ++e) {
      int before = 0;
      for (int o = 0; o < E; ++o) before += v[o] > v[e] || (v[o] == v[e] && o < e);
      if (before == k - 1) kth[i] = e;
    }
    threshold[static_cast<std::size_t>(i)] = v[kth[i]];
    for (int e = 0; e < E; ++e)
      s.data()[e] += static_cast<float>(normal_below((z[e] - v[kth[i]]) / static_cast<double>(sigma)));
  }
}

// d Phi(u_e) = phi(u_e) / sigma (dz_e - dt) with u_e = (z_e - t) / sigma. Since t = z_kth + noise, dt = dz_kth: the
// k-th logit loses what all experts together give. Derived in ops/README.md.
void LoadSum::backward(Tensor ds, Tensor dlogits) const {
  const int E = logits.width();
  for (int i = 0; i < logits.rows(); ++i) {
    const float* z = logits.row(i);
    float* dz = dlogits.row(i);
    double to_threshold = 0;
    for (int e = 0; e < E; ++e) {
      const double slope =
          normal_density((z[e] - threshold[static_cast<std::size_t>(i)]) / static_cast<double>(sigma)) / sigma *
          ds.data()[e];
      dz[e] += static_cast<float>(slope);
      to_threshold += slope;
    }
    dz[kth[i]] -= static_cast<float>(to_threshold);
  }
}

Var load_sum(Context& c, Var logits, Tensor noise, int k, float sigma) {
  const int n = logits.value().rows(), E = logits.shape().back();
  if (k < 1 || k > E) fail("load_sum: k is ", k, ", must be from 1 to the number of experts, ", E);
  if (!(sigma > 0)) fail("load_sum: sigma is ", sigma, ", must be above 0: without noise the load has no gradient");
  const Tensor noisy = c.arena.take(logits.shape());
  noisy.copy_from(logits.value());
  if (!noise.empty()) {
    require_shape("load_sum", "noise", noise.shape(), logits.shape(), "logits", logits.shape());
    for (std::size_t i = 0; i < noisy.size(); ++i) noisy[i] += noise[i];
  }
  const LoadSum op{.logits = logits.value(),
                   .noisy = noisy,
                   .threshold = c.arena.take({n}),
                   .kth = static_cast<int*>(c.arena.take_bytes(static_cast<std::size_t>(n) * sizeof(int))),
                   .k = k,
                   .sigma = sigma};
  const Var s = c.tape.output({E});
  op.forward(s.value());
  c.tape.record("load_sum", {logits}, s, [=] { op.backward(s.grad(), logits.grad()); });
  return s;
}

}  // namespace mvmoe
