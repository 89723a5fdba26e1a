#include "train/adamw.h"

#include <algorithm>
#include <cmath>

#include "engine/threads.h"

namespace mvmoe {

void AdamW::step(const Parameters& parameters, const Block& gradient, const Block& m, const Block& v, int threads) const {
  const float correction1 = static_cast<float>(1 / (1 - std::pow(static_cast<double>(beta1), static_cast<double>(t))));
  const float correction2 = static_cast<float>(1 / std::sqrt(1 - std::pow(static_cast<double>(beta2), static_cast<double>(t))));
  const float step_size = rate * correction1;
  const auto& list = parameters.list();
  const auto update = [&](std::size_t first, std::size_t last, float keep) {
    float* w = parameters.weights().data();
    const float* g = gradient.data();
    float *m_ = m.data(), *v_ = v.data();
#pragma omp simd
    for (std::size_t i = first; i < last; ++i) {
      const float gi = scale * g[i];
      m_[i] = beta1 * m_[i] + (1 - beta1) * gi;
      v_[i] = beta2 * v_[i] + (1 - beta2) * gi * gi;
      w[i] = keep * w[i] - step_size * m_[i] / (std::sqrt(v_[i]) * correction2 + eps);
    }
  };
  // Every element is independent, so how the work is cut changes no bit: parameters one by one, each shared by all
  // threads where it is large.
  parallel(threads, [&](int thread) {
    for (const Parameter& p : list) {
      const std::size_t n = p.shape.size(), per_thread = (n / static_cast<std::size_t>(threads) + 16) / 16 * 16;
      const std::size_t first = std::min(n, per_thread * static_cast<std::size_t>(thread)), last = std::min(n, first + per_thread);
      update(p.offset + first, p.offset + last, p.decay ? 1 - rate * decay : 1);
    }
  });
}

float clip_factor(double norm, float limit) {
  if (limit <= 0) return 1;
  return static_cast<float>(std::min(1.0, limit / (norm + 1e-6)));
}

}  // namespace mvmoe
