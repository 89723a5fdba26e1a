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

// Two rows at once share the weights. from: a byte more than the row is readable; to: a byte more is writable.
void along_two_rows(const std::uint8_t* from0, const std::uint8_t* from1, const Taps& x, int width, std::uint8_t* to0, std::uint8_t* to1) {
  for (int i = 0; i < width; ++i) {
    const std::int32_t* weight = x.of(i);
    const std::uint8_t *p0 = from0 + 3 * x.first[static_cast<std::size_t>(i)], *p1 = from1 + 3 * x.first[static_cast<std::size_t>(i)];
    Int4 sum0{half, half, half, half}, sum1 = sum0;
    for (int k = 0; k < x.count[static_cast<std::size_t>(i)]; ++k) {
      sum0 += pixel(p0 + 3 * k) * weight[k];
      sum1 += pixel(p1 + 3 * k) * weight[k];
    }
    put_pixel(sum0, to0 + 3 * i);
    put_pixel(sum1, to1 + 3 * i);
  }
}

constexpr int block = 32;  // bytes that are summed in registers

// One new row of `bytes` from `count` rows of the width-resized image, `stride` bytes apart; blocks may read beyond `bytes`.
void along_columns(const std::uint8_t* from, std::size_t stride, const std::int32_t* weight, int count, int bytes, std::uint8_t* to) {
  for (int i = 0; i < bytes; i += block) {
    std::int32_t sum[block];
    for (int j = 0; j < block; ++j) sum[j] = half;
    for (int k = 0; k < count; ++k) {
      const std::uint8_t* row = from + static_cast<std::size_t>(k) * stride + i;
#pragma omp simd
      for (int j = 0; j < block; ++j) sum[j] += weight[k] * row[j];
    }
    std::uint8_t out[block];
#pragma omp simd
    for (int j = 0; j < block; ++j) out[j] = static_cast<std::uint8_t>(std::clamp(sum[j] >> fraction_bits, 0, 255));
    std::memcpy(to + i, out, static_cast<std::size_t>(std::min(block, bytes - i)));
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
  const int first = y.first.front(), end = y.first.back() + y.count.back();  // the rows that any new row looks at
  const std::size_t row_bytes = static_cast<std::size_t>(part.width) * 3;
  const std::size_t stride = (static_cast<std::size_t>(width) * 3 + 1 + block - 1) / block * block;
  std::vector<std::uint8_t> middle(stride * static_cast<std::size_t>(end - first + 1));  // [end - first, width, 3], a row to spare
  std::vector<std::uint8_t> rows(2 * (row_bytes + 1));                                   // two rows and what vectors read beyond
  std::uint8_t *row0 = rows.data(), *row1 = row0 + row_bytes + 1;
  const auto row_of = [&](int r) {
    return from.rgb.data() + (static_cast<std::size_t>(part.top + std::min(r, end - 1)) * static_cast<std::size_t>(from.width) + static_cast<std::size_t>(part.left)) * 3;
  };
  for (int r = first; r < end; r += 2) {
    std::memcpy(row0, row_of(r), row_bytes);
    std::memcpy(row1, row_of(r + 1), row_bytes);
    std::uint8_t* middle_row = middle.data() + static_cast<std::size_t>(r - first) * stride;
    along_two_rows(row0, row1, x, width, middle_row, middle_row + stride);
  }
  to.width = width, to.height = height;
  to.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  for (int i = 0; i < height; ++i) {
    const std::uint8_t* above = middle.data() + static_cast<std::size_t>(y.first[static_cast<std::size_t>(i)] - first) * stride;
    along_columns(above, stride, y.of(i), y.count[static_cast<std::size_t>(i)], 3 * width, to.rgb.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(width) * 3);
  }
}

}  // namespace mvmoe
