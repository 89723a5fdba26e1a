#include "train/augment/taps.h"

#include <algorithm>
#include <cmath>

namespace mvmoe {
namespace {

double bilinear_weight(double x) { return std::max(0.0, 1 - std::abs(x)); }

double bicubic_weight(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

}  // namespace

Taps taps_between(int from, int to, Interpolation interpolation) {
  const bool cubic = interpolation == Interpolation::bicubic;
  const double scale = static_cast<double>(from) / to, stretch = std::max(scale, 1.0),
               support = (cubic ? 2 : 1) * stretch;
  Taps taps;
  taps.most = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  taps.weight.resize(static_cast<std::size_t>(to) * taps.most);
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int begin = std::max(0, static_cast<int>(centre - support + 0.5)),
              end = std::min(from, static_cast<int>(centre + support + 0.5));
    double* weight = taps.weight.data() + static_cast<std::size_t>(i) * taps.most;
    double sum = 0;
    for (int k = 0; k < end - begin; ++k) {
      const double x = (k + begin - centre + 0.5) * (1 / stretch);
      sum += weight[k] = cubic ? bicubic_weight(x) : bilinear_weight(x);
    }
    for (int k = 0; k < end - begin; ++k) weight[k] /= sum;
    taps.first.push_back(begin);
    taps.count.push_back(end - begin);
  }
  return taps;
}

}  // namespace mvmoe
