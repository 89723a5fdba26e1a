// train/augment/taps.h: the weights for resampling one axis from `from` places to `to` places. A new place is a
// weighted mean of the old places around it.
//
//   weights   bilinear: a triangle of half width 1; bicubic: Keys' cubic of half width 2, a = -0.5 (exact for
//             parabolas). If the axis gets shorter, the filter is wider by the same factor, so that every old place
//             counts (antialiasing).
//   source    Pillow's Image.resize; Keys 1981, "Cubic convolution interpolation for digital image processing"
#pragma once
#include <cstddef>
#include <vector>

namespace mvmoe {

enum class Interpolation { bilinear, bicubic };

struct Taps {
  std::size_t most = 0;           // largest number of old places of a new place
  std::vector<int> first, count;  // [to] the first old place, and the number of old places
  std::vector<double> weight;     // [to, most]; the weights of a new place sum to 1

  const double* of(int i) const { return weight.data() + static_cast<std::size_t>(i) * most; }
};

Taps taps_between(int from, int to, Interpolation interpolation);

}  // namespace mvmoe
