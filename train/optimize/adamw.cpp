#include "train/optimize/adamw.h"

#include <algorithm>
#include <cmath>

namespace mvmoe {

void AdamW::step(const Parameters& parameters, const Block& gradient, const Block& m, const Block& v,
                 Threads& threads) const {
  const float correction1 = static_cast<float>(1 / (1 - std::pow(static_cast<double>(beta1), static_cast<double>(t))));
  const float correction2 =
      static_cast<float>(1 / std::sqrt(1 - std::pow(static_cast<double>(beta2), static_cast<double>(t))));
  const auto update = [&](std::size_t first, std::size_t last, float keep, float step_size) {
    float* w = parameters.weights().data();
    const float* g = gradient.data();
    float *mean = m.data(), *square = v.data();
#pragma omp simd
    for (std::size_t i = first; i < last; ++i) {
      const float gi = scale * g[i];
      mean[i] = beta1 * mean[i] + (1 - beta1) * gi;
      square[i] = beta2 * square[i] + (1 - beta2) * gi * gi;
      w[i] = keep * w[i] - step_size * mean[i] / (std::sqrt(square[i]) * correction2 + eps);
    }
  };
  // Each thread takes its share of every parameter. Elements are independent, so the result has the same bits for any
  // number of threads.
  const auto count = static_cast<std::size_t>(threads.count());
  threads.run([&](int thread) {
    const auto t = static_cast<std::size_t>(thread);
    for (std::size_t i = 0; i < parameters.list().size(); ++i) {
      const Parameter& p = parameters.list()[i];
      const std::size_t n = p.shape.size();
      const float own_rate = rate_scales ? rate * rate_scales[i] : rate;
      update(p.offset + n * t / count, p.offset + n * (t + 1) / count, p.decay ? 1 - own_rate * decay : 1,
             own_rate * correction1);
    }
  });
}

float clip_factor(double norm, float limit) {
  if (limit <= 0) return 1;
  return static_cast<float>(std::min(1.0, limit / (norm + 1e-6)));
}

}  // namespace mvmoe
