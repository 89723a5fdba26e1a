#include "train/augment/affine.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

namespace mvmoe {
namespace {

// Three channels and an unused one, so that they make a vector of four.
typedef std::int32_t Int4 __attribute__((vector_size(16)));
typedef std::uint32_t Word4 __attribute__((vector_size(16)));
typedef std::uint8_t Byte16 __attribute__((vector_size(16)));
typedef double Double4
    __attribute__((vector_size(32)));  // passed by reference, because by value it changes the ABI without AVX

Int4 pixel(const std::uint8_t* p) {  // reads one byte beyond the pixel
  std::uint32_t bytes;
  std::memcpy(&bytes, p, sizeof bytes);
  const Word4 all = Word4{} + bytes;
  return __builtin_convertvector((all >> Word4{0, 8, 16, 24}) & 255, Int4);
}

// n x n pixels in the image, rows `stride` bytes apart. (dx, dy): the position between the pixels in the middle.
struct Patch {
  const std::uint8_t* first;
  std::size_t stride;
  double dx, dy;

  const std::uint8_t* row(int r) const { return first + static_cast<std::size_t>(r) * stride; }
};

void bilinear(const Patch& patch, Double4& v) {  // 2 x 2
  Double4 row[2];
  for (int r = 0; r < 2; ++r) {
    const Int4 p = pixel(patch.row(r)), q = pixel(patch.row(r) + 3);
    row[r] = __builtin_convertvector(p, Double4) + __builtin_convertvector(q - p, Double4) * patch.dx;
  }
  v = row[0] + (row[1] - row[0]) * patch.dy;
}

// Keys' cubic through four values with a = -1, in Horner's form.
void cubic_along(const std::uint8_t* at, double x, Double4& v) {  // a row's four pixels
  const Int4 p = pixel(at), q = pixel(at + 3), s = pixel(at + 6), t = pixel(at + 9);
  const Int4 p2 = s - p, p3 = 2 * (p - q) + s - t, p4 = q - p - s + t;  // integers: exact in any order
  v = __builtin_convertvector(q, Double4) +
      x * (__builtin_convertvector(p2, Double4) +
           x * (__builtin_convertvector(p3, Double4) + x * __builtin_convertvector(p4, Double4)));
}

// Interpolates 4 x 4 pixels, along each row and then over the rows. A shear or a shift moves along one axis only; on
// the other axis the position is exactly on a pixel. There the cubic is that pixel, and the other three are not read.
void bicubic(const Patch& patch, Double4& v) {
  const double x = patch.dx, y = patch.dy;
  if (y == 0) return cubic_along(patch.row(1), x, v);
  Double4 row[4];
  for (int r = 0; r < 4; ++r) {
    if (x == 0) row[r] = __builtin_convertvector(pixel(patch.row(r) + 3), Double4);
    else cubic_along(patch.row(r), x, row[r]);
  }
  const Double4 p2 = -row[0] + row[2], p3 = 2 * (row[0] - row[1]) + row[2] - row[3],
                p4 = -row[0] + row[1] - row[2] + row[3];
  v = row[1] + y * (p2 + y * (p3 + y * p4));
}

// Copies the size x size pixels from (x, y) on, repeating the edge outside the image. to [size, size, 3] and one byte
void copy_at_the_edge(const Image& image, int x, int y, int size, std::uint8_t* to) {
  for (int r = 0; r < size; ++r)
    for (int k = 0; k < size; ++k, to += 3) {
      const int row = std::clamp(y + r, 0, image.height - 1), column = std::clamp(x + k, 0, image.width - 1);
      std::memcpy(to, &image.rgb[static_cast<std::size_t>(row * image.width + column) * 3], 3);
    }
}

// Interpolates at (x, y), a point of the image. to [3]
void look_up(const Image& image, double x, double y, Interpolation interpolation, std::uint8_t* to) {
  const bool cubic = interpolation == Interpolation::bicubic;
  const double left = std::floor(x - 0.5), above = std::floor(y - 0.5);
  const int size = cubic ? 4 : 2, first_x = static_cast<int>(left) - (cubic ? 1 : 0),
            first_y = static_cast<int>(above) - (cubic ? 1 : 0);
  std::uint8_t edge[4 * 4 * 3 + 1] = {};
  Patch patch{.first = edge, .stride = static_cast<std::size_t>(3 * size), .dx = x - 0.5 - left, .dy = y - 0.5 - above};
  if (first_x >= 0 && first_y >= 0 && first_x + size < image.width && first_y + size <= image.height) {
    patch.first = &image.rgb[static_cast<std::size_t>(first_y * image.width + first_x) * 3];
    patch.stride = static_cast<std::size_t>(image.width) * 3;
  } else {
    copy_at_the_edge(image, first_x, first_y, size, edge);
  }
  Double4 v;
  if (cubic) bicubic(patch, v);
  else bilinear(patch, v);
  const Double4 black = {}, white = black + 255;
  v = v < black ? black : v > white ? white : v;
  const auto level = std::bit_cast<Byte16>(__builtin_convertvector(v, Int4));  // cuts off the digits after the point
  const auto rgb = __builtin_shufflevector(level, level, 0, 4, 8, 12);
  std::memcpy(to, &rgb, 3);
}

double rounded(double x) { return std::nearbyint(x * 1e15) / 1e15; }  // a right angle gives exact zeros

}  // namespace

Affine rotation(double degrees, int width, int height) {
  const double angle = -degrees * (std::numbers::pi / 180), cx = width / 2.0, cy = height / 2.0;
  Affine r{.a = rounded(std::cos(angle)),
           .b = rounded(std::sin(angle)),
           .c = 0,
           .d = rounded(-std::sin(angle)),
           .e = rounded(std::cos(angle)),
           .f = 0};
  r.c = r.a * -cx + r.b * -cy + cx;
  r.f = r.d * -cx + r.e * -cy + cy;
  return r;
}

void transform(Image& image, const Affine& t, Interpolation interpolation, Colour fill, Image& scratch) {
  scratch.width = image.width, scratch.height = image.height;
  scratch.rgb.resize(image.rgb.size());
  std::uint8_t* out = scratch.rgb.data();
  for (int row = 0; row < image.height; ++row)
    for (int column = 0; column < image.width; ++column, out += 3) {
      const double x = t.a * (column + 0.5) + t.b * (row + 0.5) + t.c,
                   y = t.d * (column + 0.5) + t.e * (row + 0.5) + t.f;
      const bool inside = x >= 0 && x < image.width && y >= 0 && y < image.height;
      if (inside) look_up(image, x, y, interpolation, out);
      else std::copy(fill.begin(), fill.end(), out);
    }
  std::swap(image, scratch);
}

}  // namespace mvmoe
