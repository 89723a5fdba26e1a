#include "train/augment/affine.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace mvmoe {
namespace {

struct Pixel {
  double c[4];  // three channels and a spare one, so that all four are one vector
};

struct Source {
  const std::uint8_t* rgb;
  int width, height;

  Pixel at(int x, int y) const {  // beyond the edge the edge goes on
    x = std::clamp(x, 0, width - 1);
    y = std::clamp(y, 0, height - 1);
    const std::uint8_t* p = rgb + (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) * 3;
    return {{static_cast<double>(p[0]), static_cast<double>(p[1]), static_cast<double>(p[2]), 0}};
  }
};

Pixel between(const Pixel& p, const Pixel& q, double at) {
  Pixel r;
  for (int i = 0; i < 4; ++i) r.c[i] = p.c[i] + (q.c[i] - p.c[i]) * at;
  return r;
}

// Keys' cubic through four values with a = -1, in Horner's form: p before, q and r around, s behind.
Pixel between(const Pixel& p, const Pixel& q, const Pixel& r, const Pixel& s, double at) {
  Pixel v;
  for (int i = 0; i < 4; ++i) {
    const double p1 = q.c[i], p2 = -p.c[i] + r.c[i], p3 = 2 * (p.c[i] - q.c[i]) + r.c[i] - s.c[i], p4 = -p.c[i] + q.c[i] - r.c[i] + s.c[i];
    v.c[i] = p1 + at * (p2 + at * (p3 + at * p4));
  }
  return v;
}

Pixel bilinear(const Source& s, int x, int y, double dx, double dy) {
  return between(between(s.at(x, y), s.at(x + 1, y), dx), between(s.at(x, y + 1), s.at(x + 1, y + 1), dx), dy);
}

Pixel bicubic(const Source& s, int x, int y, double dx, double dy) {
  Pixel row[4];
  for (int r = 0; r < 4; ++r)
    row[r] = between(s.at(x - 1, y - 1 + r), s.at(x, y - 1 + r), s.at(x + 1, y - 1 + r), s.at(x + 2, y - 1 + r), dx);
  return between(row[0], row[1], row[2], row[3], dy);
}

double rounded(double x) { return std::nearbyint(x * 1e15) / 1e15; }  // so that a right angle has exact zeros

}  // namespace

Affine rotation(double degrees, int width, int height) {
  const double angle = -degrees * (std::numbers::pi / 180), cx = width / 2.0, cy = height / 2.0;
  Affine r{.a = rounded(std::cos(angle)), .b = rounded(std::sin(angle)), .c = 0, .d = rounded(-std::sin(angle)), .e = rounded(std::cos(angle)), .f = 0};
  r.c = r.a * -cx + r.b * -cy + cx;
  r.f = r.d * -cx + r.e * -cy + cy;
  return r;
}

void transform(Image& image, const Affine& t, Interpolation interpolation, Colour fill, Image& scratch) {
  const Source source{image.rgb.data(), image.width, image.height};
  scratch.width = image.width, scratch.height = image.height;
  scratch.rgb.resize(image.rgb.size());
  std::uint8_t* out = scratch.rgb.data();
  for (int row = 0; row < image.height; ++row)
    for (int column = 0; column < image.width; ++column, out += 3) {
      const double x = t.a * (column + 0.5) + t.b * (row + 0.5) + t.c, y = t.d * (column + 0.5) + t.e * (row + 0.5) + t.f;
      if (!(x >= 0 && x < image.width && y >= 0 && y < image.height)) {
        std::copy(fill.begin(), fill.end(), out);
        continue;
      }
      const double left = std::floor(x - 0.5), above = std::floor(y - 0.5);
      const Pixel p = interpolation == Interpolation::bicubic
                          ? bicubic(source, static_cast<int>(left), static_cast<int>(above), x - 0.5 - left, y - 0.5 - above)
                          : bilinear(source, static_cast<int>(left), static_cast<int>(above), x - 0.5 - left, y - 0.5 - above);
      for (int c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>(std::clamp(p.c[c], 0.0, 255.0));
    }
  std::swap(image, scratch);
}

}  // namespace mvmoe
