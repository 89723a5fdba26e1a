#include "train/data/fractal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace mvmoe {
namespace {

constexpr double longest = 0.95;  // largest spectral norm of a map

// The largest factor by which the map's linear part stretches a vector: its first singular value.
double spectral_norm(const AffineMap& m) {
  const double squares = m.a * m.a + m.b * m.b + m.c * m.c + m.d * m.d, determinant = m.a * m.d - m.b * m.c;
  return std::sqrt((squares + std::sqrt(std::max(0.0, squares * squares - 4 * determinant * determinant))) / 2);
}

AffineMap contraction(AffineMap m) {
  const double norm = spectral_norm(m);
  if (norm <= longest) return m;
  const double factor = longest / norm;
  m.a *= factor, m.b *= factor, m.c *= factor, m.d *= factor;
  return m;
}

double uniform(Random& random) { return random.bits() * 0x1p-31 - 1; }  // [-1, 1)

// Nearly normal: a sum of four uniform numbers of 16 bits, with mean 0 and variance 1, within +-3.5. Random::normal
// uses logarithms and sines, whose last bits depend on the C library.
double normal(Random& random) {
  const std::uint32_t one = random.bits(), two = random.bits();
  const int sum = static_cast<int>((one & 0xffff) + (one >> 16) + (two & 0xffff) + (two >> 16)) - 2 * 0xffff;
  constexpr double deviation = 37837.22;  // 2^16 sqrt(4 / 12)
  return sum / deviation;
}

// cos and sin of an angle up to pi, by their series. The C library's last bits differ between systems.
std::array<double, 2> turn(double angle) {
  double cosine = 0, sine = 0, term = 1;
  for (int n = 0; n < 24; n += 4) {
    cosine += term, term *= angle / (n + 1);
    sine += term, term *= angle / (n + 2);
    cosine -= term, term *= angle / (n + 3);
    sine -= term, term *= angle / (n + 4);
  }
  return {cosine, sine};
}

// The map in rotated coordinates: R m R^-1, with R a rotation, after a reflection if there is one.
AffineMap seen(const AffineMap& m, const std::array<double, 2>& cos_sin, bool mirrored) {
  const double sign = mirrored ? -1 : 1, cosine = cos_sin[0], sine = cos_sin[1];
  const AffineMap n{m.a, sign * m.b, sign * m.c, m.d, sign * m.e, m.f};       // (x, y) -> (-x, y)
  const double a = cosine * n.a - sine * n.c, b = cosine * n.b - sine * n.d;  // R n
  const double c = sine * n.a + cosine * n.c, d = sine * n.b + cosine * n.d;
  return {a * cosine - b * sine, a * sine + b * cosine,     c * cosine - d * sine,
          c * sine + d * cosine, cosine * n.e - sine * n.f, sine * n.e + cosine * n.f};
}

// Fixed point with 16 binary digits after the point. With spectral norms up to 0.95 and shifts up to 2, points stay
// within 40 of the origin. So a coordinate has 22 bits, and a product fits in 64.
constexpr int binary_digits = 16;
struct FixedMap {
  std::int64_t a, b, c, d, e, f;
};
std::int64_t fixed(double value) { return std::llround(value * (1 << binary_digits)); }

// The map for each of 256 equally likely numbers. A map is drawn in proportion to its determinant, the area of its
// image, so that the attractor is covered evenly. A map with a determinant near 0 still gets a small share.
std::array<std::uint8_t, 256> choices(const FractalSystem& system) {
  double share[FractalSystem::most_maps], sum = 0;
  for (int m = 0; m < system.count; ++m) {
    const AffineMap& map = system.maps[m];
    share[m] = std::max(0.02, std::abs(map.a * map.d - map.b * map.c));
    sum += share[m];
  }
  std::array<std::uint8_t, 256> table;
  double until = 0;
  for (int m = 0, i = 0; m < system.count; ++m) {
    until += share[m];
    const int end = m + 1 == system.count ? 256 : static_cast<int>(256 * (until / sum));
    for (; i < end; ++i) table[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(m);
  }
  return table;
}

// Four walks in parallel, because each step of a walk waits for the one before. The first steps only lead to the
// attractor.
constexpr int walks = 4, way_in = 16;

void walk(const FractalSystem& system, const FractalView& view, int steps, Random& random, std::int32_t* to) {
  const std::array<std::uint8_t, 256> map_of = choices(system);
  const std::array<double, 2> cos_sin = turn(view.rotation);
  FixedMap maps[FractalSystem::most_maps];
  for (int m = 0; m < system.count; ++m) {
    const AffineMap n = seen(system.maps[m], cos_sin, view.mirrored);
    maps[m] = {fixed(n.a), fixed(n.b), fixed(n.c), fixed(n.d), fixed(n.e), fixed(n.f)};
  }
  std::int64_t x[walks] = {}, y[walks] = {};
  for (int step = -way_in; step < steps; ++step) {
    const std::uint32_t drawn = random.bits();
    for (int w = 0; w < walks; ++w) {
      const FixedMap& m = maps[map_of[drawn >> 8 * w & 255]];
      const std::int64_t moved_x = ((m.a * x[w] + m.b * y[w]) >> binary_digits) + m.e;
      y[w] = ((m.c * x[w] + m.d * y[w]) >> binary_digits) + m.f;
      x[w] = moved_x;
    }
    if (step < 0) continue;
    for (int w = 0; w < walks; ++w) {
      *to++ = static_cast<std::int32_t>(x[w]);
      *to++ = static_cast<std::int32_t>(y[w]);
    }
  }
}

// The brightness of a pixel in which n steps ended: 1 - 0.85^n. One step can be seen, and many steps can be told apart.
constexpr int levels = 40;
constexpr std::array<std::uint8_t, levels> brightness = [] {
  std::array<std::uint8_t, levels> table{};
  int dark = 255 << 8;
  for (std::uint8_t& level : table) {
    level = static_cast<std::uint8_t>(255 - (dark >> 8));
    dark = dark * 217 / 255;
  }
  return table;
}();

}  // namespace

FractalSystem random_system(Random& random) {
  FractalSystem system;
  system.count = 2 + static_cast<int>(random.below(FractalSystem::most_maps - 1));
  for (int m = 0; m < system.count; ++m) {
    double entries[6];
    for (double& entry : entries) entry = uniform(random);
    system.maps[m] = contraction({entries[0], entries[1], entries[2], entries[3], entries[4], entries[5]});
  }
  return system;
}

FractalSystem moved(const FractalSystem& system, double spread, Random& random) {
  FractalSystem result = system;
  for (int m = 0; m < system.count; ++m) {
    AffineMap& map = result.maps[m];
    for (double* entry : {&map.a, &map.b, &map.c, &map.d, &map.e, &map.f}) *entry += spread * normal(random);
    map = contraction(map);
  }
  return result;
}

void draw_fractal(const FractalSystem& system, const FractalView& view, int side, Random& random, std::uint8_t* to) {
  const int steps = 2 * side * side / walks;
  const std::size_t ends = 2 * static_cast<std::size_t>(steps * walks), pixels = static_cast<std::size_t>(side * side);
  std::vector<std::int32_t> p(ends);          // [2 side side, 2]
  std::vector<std::uint16_t> counts(pixels);  // [side, side]
  walk(system, view, steps, random, p.data());
  std::int32_t low_x = p[0], high_x = p[0], low_y = p[1], high_y = p[1];
  for (std::size_t i = 0; i < ends; i += 2) {
    low_x = std::min(low_x, p[i]), high_x = std::max(high_x, p[i]);
    low_y = std::min(low_y, p[i + 1]), high_y = std::max(high_y, p[i + 1]);
  }
  // A distance times `scale` is in pixels, with 32 binary digits after the point. `room`: the side less the attractor.
  const std::int64_t longer = std::max<std::int64_t>(1, std::max(high_x - low_x, high_y - low_y));
  const std::int64_t scale = static_cast<std::int64_t>(view.zoom * (side - 1) * 0x1p32) / longer;
  const auto begin = [&](std::int64_t length, double shift) {
    const std::int64_t room = (static_cast<std::int64_t>(side) << 32) - 1 - length * scale;
    return std::clamp<std::int64_t>(room / 2 + static_cast<std::int64_t>(shift * side * 0x1p32), 0, room);
  };
  const std::int64_t begin_x = begin(high_x - low_x, view.shift_x), begin_y = begin(high_y - low_y, view.shift_y);
  for (std::size_t i = 0; i < ends; i += 2) {
    const auto column = static_cast<std::size_t>(((p[i] - low_x) * scale + begin_x) >> 32);
    const auto row = static_cast<std::size_t>(((p[i + 1] - low_y) * scale + begin_y) >> 32);
    ++counts[row * static_cast<std::size_t>(side) + column];
  }
  for (std::size_t i = 0; i < pixels; ++i) to[i] = brightness[std::min<std::size_t>(counts[i], levels - 1)];
}

}  // namespace mvmoe
