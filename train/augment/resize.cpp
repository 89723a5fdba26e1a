#include "train/augment/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/error.h"

namespace mvmoe {
namespace {

constexpr int fraction_bits = 32 - 8 - 2;  // 8 bits of a pixel, 2 for weights' sums below 0 and above 1
constexpr std::int32_t half = 1 << (fraction_bits - 1);

double bilinear_weight(double x) { return std::max(0.0, 1 - std::abs(x)); }

double bicubic_weight(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// Along one axis: which old pixels each new one is made of, and how much of each.
struct Taps {
  std::size_t most = 0;              // of any new pixel
  std::vector<int> first, count;     // [new size]
  std::vector<std::int32_t> weight;  // [new size, most], times 2^fraction_bits

  const std::int32_t* of(int i) const { return weight.data() + static_cast<std::size_t>(i) * most; }
};

Taps taps(int from, int to, Interpolation interpolation) {
  const bool cubic = interpolation == Interpolation::bicubic;
  const double scale = static_cast<double>(from) / to, stretch = std::max(scale, 1.0), support = (cubic ? 2 : 1) * stretch;
  Taps t;
  t.most = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  t.weight.resize(static_cast<std::size_t>(to) * t.most);
  std::vector<double> w(t.most);
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int begin = std::max(0, static_cast<int>(centre - support + 0.5)), end = std::min(from, static_cast<int>(centre + support + 0.5));
    const auto n = static_cast<std::size_t>(end - begin);
    double sum = 0;
    for (std::size_t k = 0; k < n; ++k) {
      const double x = (static_cast<double>(k) + begin - centre + 0.5) * (1 / stretch);
      sum += w[k] = cubic ? bicubic_weight(x) : bilinear_weight(x);
    }
    for (std::size_t k = 0; k < n; ++k)
      t.weight[static_cast<std::size_t>(i) * t.most + k] = static_cast<std::int32_t>(std::round(w[k] / sum * (1 << fraction_bits)));
    t.first.push_back(begin);
    t.count.push_back(end - begin);
  }
  return t;
}

// A pixel as one vector; the fourth number is of its neighbour, and nobody's.
typedef std::int32_t Int4 __attribute__((vector_size(16)));
typedef std::uint8_t Byte4 __attribute__((vector_size(4)));

Int4 pixel(const std::uint8_t* p) {
  Byte4 bytes;
  std::memcpy(&bytes, p, sizeof bytes);
  return __builtin_convertvector(bytes, Int4);
}

void put_pixel(Int4 sum, std::uint8_t* p) {
  sum >>= fraction_bits;
  sum = sum < 0 ? 0 : sum;
  sum = sum > 255 ? 255 : sum;
  const Byte4 bytes = __builtin_convertvector(sum, Byte4);
  std::memcpy(p, &bytes, sizeof bytes);
}

// Rows of pixels, bytes tightly packed within a row.
struct Rows {
  const std::uint8_t* first;
  std::size_t stride;  // bytes from a row to the next

  const std::uint8_t* at(int row) const { return first + static_cast<std::size_t>(row) * stride; }
};

// Each of `rows` rows of `from_width` pixels becomes one of `width`. to [rows, width, 3]. Two rows at once share the weights.
void along_rows(Rows from, int rows, int from_width, const Taps& x, int width, std::uint8_t* to) {
  const std::size_t in_bytes = static_cast<std::size_t>(from_width) * 3, out_bytes = static_cast<std::size_t>(width) * 3;
  std::vector<std::uint8_t> memory(2 * (in_bytes + 1) + 2 * (out_bytes + 1));  // a vector touches a byte behind the row
  std::uint8_t *in0 = memory.data(), *in1 = in0 + in_bytes + 1, *out0 = in1 + in_bytes + 1, *out1 = out0 + out_bytes + 1;
  for (int r = 0; r < rows; r += 2) {
    const int next = std::min(r + 1, rows - 1);
    std::memcpy(in0, from.at(r), in_bytes);
    std::memcpy(in1, from.at(next), in_bytes);
    for (int i = 0; i < width; ++i) {
      const std::int32_t* weight = x.of(i);
      const int first = 3 * x.first[static_cast<std::size_t>(i)], count = x.count[static_cast<std::size_t>(i)];
      Int4 sum0{half, half, half, half}, sum1 = sum0;
      for (int k = 0; k < count; ++k) {
        sum0 += pixel(in0 + first + 3 * k) * weight[k];
        sum1 += pixel(in1 + first + 3 * k) * weight[k];
      }
      put_pixel(sum0, out0 + 3 * i);
      put_pixel(sum1, out1 + 3 * i);
    }
    std::memcpy(to + static_cast<std::size_t>(r) * out_bytes, out0, out_bytes);
    std::memcpy(to + static_cast<std::size_t>(next) * out_bytes, out1, out_bytes);
  }
}

constexpr int block = 32;  // bytes whose sums stay in registers

// The `n` bytes from byte `i` on of one new row, n <= block.
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

// Rows of `width` pixels become `height` rows. to [height, width, 3]
void along_columns(Rows from, int width, const Taps& y, int height, std::uint8_t* to) {
  const int bytes = 3 * width, even = bytes / block * block;
  for (int r = 0; r < height; ++r, to += bytes) {
    const Rows below{from.at(y.first[static_cast<std::size_t>(r)]), from.stride};
    const int count = y.count[static_cast<std::size_t>(r)];
    for (int i = 0; i < even; i += block) sum_rows(below, i, block, y.of(r), count, to);
    if (even < bytes) sum_rows(below, even, bytes - even, y.of(r), count, to);
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
    fail("resize: a part of ", part.width, "x", part.height, " at ", part.left, ",", part.top, " is not inside an image of ", from.width, "x",
         from.height);
  const Taps x = taps(part.width, width, interpolation), y = taps(part.height, height, interpolation);
  const auto pixels = [](int w, int h) { return static_cast<std::size_t>(w) * static_cast<std::size_t>(h); };
  const Rows rows{from.rgb.data() + 3 * (pixels(part.top, from.width) + static_cast<std::size_t>(part.left)), 3 * static_cast<std::size_t>(from.width)};
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
