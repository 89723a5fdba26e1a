#include "train/files/positions.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "train/augment/taps.h"

namespace mvmoe {
namespace {

int side_of(const Shape& shape) {
  const int patches = shape[1] - 1, side = static_cast<int>(std::lround(std::sqrt(static_cast<double>(patches))));
  if (patches < 1 || side * side != patches)
    fail("positions ", shape, " are not those of a class token and a square of patches");
  return side;
}

}  // namespace

void resample_positions(Tensor from, Tensor to) {
  const int old_side = side_of(from.shape()), side = side_of(to.shape()), D = from.width();
  std::copy_n(from.data(), D, to.data());
  if (side == old_side) return std::copy_n(from.data(), from.size(), to.data()), void();
  const Taps taps = taps_between(old_side, side, Interpolation::bicubic);  // the same for rows and columns
  const auto first = [&](int i) { return taps.first[static_cast<std::size_t>(i)]; };
  const auto count = [&](int i) { return taps.count[static_cast<std::size_t>(i)]; };
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (int d = 0; d < D; ++d) {
        double sum = 0;
        for (int v = 0; v < count(y); ++v)
          for (int u = 0; u < count(x); ++u)
            sum += taps.of(y)[v] * taps.of(x)[u] * from.row(1 + (first(y) + v) * old_side + first(x) + u)[d];
        to.row(1 + y * side + x)[d] = static_cast<float>(sum);
      }
}

}  // namespace mvmoe
