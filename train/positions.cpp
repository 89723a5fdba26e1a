#include "train/positions.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/error.h"
#include "train/augment/resize.h"

namespace mvmoe {
namespace {

int side_of(const Shape& shape) {
  const int patches = shape[1] - 1, side = static_cast<int>(std::lround(std::sqrt(static_cast<double>(patches))));
  if (patches < 1 || side * side != patches) fail("positions ", shape, " are not those of a class token and a square of patches");
  return side;
}

// What one place of the new side takes from the old one: weights of the places first, first + 1, ..; they sum to 1.
struct Taps {
  int first;
  std::vector<double> weights;
};

std::vector<Taps> taps_between(int from, int to) {
  std::vector<Taps> all;
  const double scale = static_cast<double>(from) / to, stretch = std::max(scale, 1.0), support = 2 * stretch;
  for (int i = 0; i < to; ++i) {
    const double centre = scale * (i + 0.5);
    Taps taps{std::max(static_cast<int>(centre - support + 0.5), 0), {}};
    double sum = 0;
    for (int j = taps.first; j < std::min(static_cast<int>(centre + support + 0.5), from); ++j) {
      taps.weights.push_back(bicubic_weight((j - centre + 0.5) / stretch));
      sum += taps.weights.back();
    }
    for (double& weight : taps.weights) weight /= sum;
    all.push_back(std::move(taps));
  }
  return all;
}

}  // namespace

void resample_positions(Tensor from, Tensor to) {
  const int old_side = side_of(from.shape()), side = side_of(to.shape()), D = from.width();
  std::copy_n(from.data(), D, to.data());
  if (side == old_side) return std::copy_n(from.data(), from.size(), to.data()), void();
  const std::vector<Taps> taps = taps_between(old_side, side);  // the same for rows and columns
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (int d = 0; d < D; ++d) {
        const Taps &rows = taps[static_cast<std::size_t>(y)], &columns = taps[static_cast<std::size_t>(x)];
        double sum = 0;
        for (std::size_t v = 0; v < rows.weights.size(); ++v)
          for (std::size_t u = 0; u < columns.weights.size(); ++u)
            sum += rows.weights[v] * columns.weights[u] *
                   from.row(1 + (rows.first + static_cast<int>(v)) * old_side + columns.first + static_cast<int>(u))[d];
        to.row(1 + y * side + x)[d] = static_cast<float>(sum);
      }
}

}  // namespace mvmoe
