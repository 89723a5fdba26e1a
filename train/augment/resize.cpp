#include "train/augment/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/error.h"

namespace mvmoe {
namespace {

constexpr int fraction_bits = 32 - 8 - 2;  // 8 bits for a pixel, 2 for sums below 0 and above 1
constexpr std::int32_t half = 1 << (fraction_bits - 1);

// The weights [to, most], times 2^fraction_bits, as integers.
std::vector<std::int32_t> fixed_point(const Taps& taps) {
  std::vector<std::int32_t> fixed;
  fixed.reserve(taps.weight.size());
  for (const double weight : taps.weight)
    fixed.push_back(static_cast<std::int32_t>(std::round(weight * (1 << fraction_bits))));
  return fixed;
}

struct Axis {
  Axis(int from, int to, Interpolation interpolation)
      : taps(taps_between(from, to, interpolation)), weight(fixed_point(taps)) {}
  const std::int32_t* of(int i) const { return weight.data() + static_cast<std::size_t>(i) * taps.most; }

  Taps taps;
  std::vector<std::int32_t> weight;
};

// Rows of pixels. The pixels of a row have no gaps.
struct Rows {
  const std::uint8_t* first;
  std::size_t stride;  // bytes from one row to the next

  const std::uint8_t* at(int row) const { return first + static_cast<std::size_t>(row) * stride; }
};

constexpr int block = 24;  // bytes, 8 pixels; their sums fit into registers

// Computes n bytes of a new row, from byte i on: the weighted sum of `count` old rows. n <= block.
inline void sum_rows(Rows from, int i, int n, const std::int32_t* weight, int count, std::uint8_t* to) {
  std::int32_t sum[block];
  for (int j = 0; j < n; ++j) sum[j] = half;
  for (int k = 0; k < count; ++k) {
    const std::uint8_t* row = from.at(k) + i;
#pragma omp simd
    for (int j = 0; j < n; ++j) sum[j] += weight[k] * row[j];
  }
#pragma omp simd
  for (int j = 0; j < n; ++j) to[i + j] = static_cast<std::uint8_t>(std::clamp(sum[j] >> fraction_bits, 0, 255));
}

// Resizes along the columns: old rows of `width` pixels become `height` rows. to [height, width, 3]
void along_columns(Rows from, int width, const Axis& y, int height, std::uint8_t* to) {
  const int bytes = 3 * width, even = bytes / block * block;
  for (int r = 0; r < height; ++r, to += bytes) {
    const Rows below{from.at(y.taps.first[static_cast<std::size_t>(r)]), from.stride};
    const int count = y.taps.count[static_cast<std::size_t>(r)];
    for (int i = 0; i < even; i += block) sum_rows(below, i, block, y.of(r), count, to);
    if (even < bytes) sum_rows(below, even, bytes - even, y.of(r), count, to);
  }
}

// Resizes along the rows: each of `rows` rows of `from_width` pixels becomes one of `width`. Strips of 8 rows are
// transposed, so that sum_rows can sum them. to [rows, width, 3]
void along_rows(Rows from, int rows, int from_width, const Axis& x, int width, std::uint8_t* to) {
  constexpr int strip = block / 3;
  std::vector<std::uint8_t> turned(static_cast<std::size_t>(from_width) * block),
      narrow(static_cast<std::size_t>(width) * block);  // [width, 8, 3]
  for (int r = 0; r < rows; r += strip) {
    for (int k = 0; k < strip; ++k) {
      const std::uint8_t* row = from.at(std::min(r + k, rows - 1));
      std::uint8_t* column = turned.data() + 3 * k;
      for (int i = 0; i < from_width; ++i, column += block)
        std::memcpy(column, row + 3 * static_cast<std::size_t>(i), 3);
    }
    along_columns({turned.data(), block}, strip, x, width, narrow.data());
    for (int k = 0; k < std::min(strip, rows - r); ++k) {
      const std::uint8_t* column = narrow.data() + 3 * k;
      for (int i = 0; i < width; ++i, column += block, to += 3) std::memcpy(to, column, 3);
    }
  }
}

}  // namespace

void resize(const Image& from, int width, int height, Interpolation interpolation, Image& to) {
  resize(from, {0, 0, from.width, from.height}, width, height, interpolation, to);
}

void resize(const Image& from, Rectangle part, int width, int height, Interpolation interpolation, Image& to) {
  if (width < 1 || height < 1) fail("resize: to ", width, "x", height, ", must be at least 1x1");
  if (part.width < 1 || part.height < 1 || part.left < 0 || part.top < 0 || part.width > from.width - part.left ||
      part.height > from.height - part.top)
    fail("resize: a part of ", part.width, "x", part.height, " at ", part.left, ",", part.top,
         " is not inside an image of ", from.width, "x", from.height);
  const Axis x(part.width, width, interpolation), y(part.height, height, interpolation);
  const auto pixels = [](int w, int h) { return static_cast<std::size_t>(w) * static_cast<std::size_t>(h); };
  const Rows rows{from.rgb.data() + 3 * (pixels(part.top, from.width) + static_cast<std::size_t>(part.left)),
                  3 * static_cast<std::size_t>(from.width)};
  to.width = width, to.height = height;
  to.rgb.resize(3 * pixels(width, height));
  std::vector<std::uint8_t> middle;
  if (part.height > height && part.height - height > 2 * (part.width - width)) {
    middle.resize(3 * pixels(part.width, height));  // [height, part.width, 3]
    along_columns(rows, part.width, y, height, middle.data());
    along_rows({middle.data(), 3 * static_cast<std::size_t>(part.width)}, height, part.width, x, width, to.rgb.data());
  } else {
    middle.resize(3 * pixels(width, part.height));  // [part.height, width, 3]
    along_rows(rows, part.height, part.width, x, width, middle.data());
    along_columns({middle.data(), 3 * static_cast<std::size_t>(width)}, width, y, height, to.rgb.data());
  }
}

}  // namespace mvmoe
