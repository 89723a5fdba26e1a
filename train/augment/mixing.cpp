#include "train/augment/mixing.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/error.h"
#include "engine/random.h"

namespace mvmoe {
namespace {

double above_zero(Random& random) { return (static_cast<double>(random.bits()) + 0.5) * 0x1p-32; }

// The logarithm of a Gamma(a, 1): Marsaglia and Tsang 2000, "A simple method for generating gamma variables", which
// needs a >= 1. For a < 1, Gamma(a) = Gamma(a + 1) u^(1/a) (section 6). As a logarithm, because for small a it could be
// 0.
double log_gamma_variate(Random& random, double a) {
  if (a < 1) {
    const double log_u = std::log(above_zero(random));
    return log_gamma_variate(random, a + 1) + log_u / a;
  }
  const double d = a - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.normal(), t = 1 + c * x, v = t * t * t;
    if (t > 0 && std::log(above_zero(random)) < 0.5 * x * x + d - d * v + d * std::log(v)) return std::log(d * v);
  }
}

void mix_pair(const Mix& mix, float* a, float* b, int side) {  // each [3, side, side]
  if (!mix.cutmix) {
    const float own = mix.lambda, other = 1 - mix.lambda;
#pragma omp simd
    for (int i = 0; i < 3 * side * side; ++i) {
      const float x = a[i], y = b[i];
      a[i] = x * own + y * other;
      b[i] = y * own + x * other;
    }
    return;
  }
  for (int c = 0; c < 3; ++c)
    for (int y = mix.square.top; y < mix.square.top + mix.square.height; ++y) {
      const int at = (c * side + y) * side + mix.square.left;
      std::swap_ranges(a + at, a + at + mix.square.width, b + at);
    }
}

}  // namespace

double beta(Random& random, double a) {
  const double x = log_gamma_variate(random, a), y = log_gamma_variate(random, a);
  return 1 / (1 + std::exp(y - x));
}

Rectangle square_at(int x, int y, float lambda, int side) {
  const int cut = static_cast<int>(side * std::sqrt(1 - static_cast<double>(lambda)));
  const int left = std::max(0, x - cut / 2), top = std::max(0, y - cut / 2);
  return {left, top, std::min(side, x + (cut + 1) / 2) - left, std::min(side, y + (cut + 1) / 2) - top};
}

float share_left(Rectangle square, int side) {
  return static_cast<float>(1 - static_cast<double>(square.width) * square.height / (static_cast<double>(side) * side));
}

Mix choose_mix(std::uint64_t seed, std::uint64_t step, int side, const MixingConfig& config) {
  Random random(seed, Place::mixing, step);
  const bool mixup = config.mixup_alpha > 0, cutmix = config.cutmix_alpha > 0;
  if (!mixes(config) || !random.chance(config.probability)) return {};
  Mix mix;
  mix.cutmix = cutmix && (!mixup || random.chance(config.switch_probability));
  mix.lambda = static_cast<float>(beta(random, mix.cutmix ? config.cutmix_alpha : config.mixup_alpha));
  if (mix.cutmix) {
    const int x = static_cast<int>(random.below(static_cast<std::uint32_t>(side)));
    mix.square = square_at(x, static_cast<int>(random.below(static_cast<std::uint32_t>(side))), mix.lambda, side);
    mix.lambda = share_left(mix.square, side);
  }
  return mix;
}

std::vector<int> mixing_partners(int images, int lane_size) {
  std::vector<int> partner(static_cast<std::size_t>(images));
  for (int i = 0; i < images; ++i) {
    const int first = i / lane_size * lane_size, end = std::min(first + lane_size, images);
    partner[static_cast<std::size_t>(i)] = first + (end - 1 - i);
  }
  return partner;
}

void mix_images(const Mix& mix, const std::vector<int>& partner, Tensor images) {
  const Shape& shape = images.shape();
  if (shape.axes() != 4 || shape[1] != 3 || shape[2] != shape[3] || shape[0] != static_cast<int>(partner.size()))
    fail("mix_images: images are ", shape, ", must be [", partner.size(), ", 3, S, S]");
  if (mix.lambda == 1) return;
  for (int i = 0; i < shape[0]; ++i) {
    const int other = partner[static_cast<std::size_t>(i)];
    if (i < other) mix_pair(mix, images.outer_slice(i, 1).data(), images.outer_slice(other, 1).data(), shape[2]);
  }
}

void mix_targets(float lambda, const std::vector<int>& partner, const std::vector<int>& labels, float smoothing,
                 Tensor targets) {
  const auto classes = static_cast<float>(targets.width());
  if (targets.rows() != static_cast<int>(labels.size()) || partner.size() != labels.size())
    fail("mix_targets: targets are ", targets.shape(), " for ", labels.size(), " labels and ", partner.size(),
         " partners");
  targets.fill(smoothing / classes);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    float* row = targets.row(static_cast<int>(i));
    row[labels[i]] += lambda * (1 - smoothing);
    row[labels[static_cast<std::size_t>(partner[i])]] += (1 - lambda) * (1 - smoothing);
  }
}

}  // namespace mvmoe
