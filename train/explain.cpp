#include "train/explain.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/error.h"

namespace mvmoe {
namespace {

constexpr int shown_side = 224;      // pixels, at least
constexpr double opacity = 0.6;      // of the heat map

// Inferno at 0, 1/8, .. 1, in equal steps of lightness, so that it reads the same in grey.
constexpr std::array<std::array<double, 3>, 9> colours{{{0, 0, 4}, {33, 12, 74}, {86, 16, 110}, {137, 34, 106}, {187, 55, 84},
                                                        {227, 89, 50}, {249, 140, 10}, {249, 201, 50}, {252, 255, 164}}};

// Between two neighbours of a row of `count` values: the first of them, and the second's weight. Beyond the ends, the end.
struct Place {
  std::size_t first, second;
  double weight;
};

Place place(double at, int count) {
  const double inside = std::clamp(at, 0.0, static_cast<double>(count - 1));
  const auto first = static_cast<std::size_t>(inside);
  return {first, std::min(first + 1, static_cast<std::size_t>(count - 1)), inside - static_cast<double>(first)};
}

double mix(double a, double b, double weight) { return (1 - weight) * a + weight * b; }

}  // namespace

Image heat_map(const Image& seen, const std::vector<float>& shares) {
  const int G = static_cast<int>(std::lround(std::sqrt(static_cast<double>(shares.size()))));
  if (shares.empty() || static_cast<std::size_t>(G) * static_cast<std::size_t>(G) != shares.size() || seen.width != seen.height || seen.width < 1)
    fail("heat_map: ", shares.size(), " shares for an image of ", seen.width, " x ", seen.height, " pixels: both must be squares");
  const float largest = *std::max_element(shares.begin(), shares.end());
  const double scale = largest > 0 ? 1 / static_cast<double>(largest) : 0;
  const int factor = (shown_side + seen.width - 1) / seen.width, side = seen.width * factor;
  const double patch = static_cast<double>(side) / G;
  const auto share = [&](std::size_t row, std::size_t column) { return static_cast<double>(shares[row * static_cast<std::size_t>(G) + column]); };
  Image out{.width = side, .height = side, .rgb = {}};
  out.rgb.reserve(static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 3);
  for (int y = 0; y < side; ++y) {
    const Place row = place((y + 0.5) / patch - 0.5, G);
    for (int x = 0; x < side; ++x) {
      const Place column = place((x + 0.5) / patch - 0.5, G);
      const double heat = scale * mix(mix(share(row.first, column.first), share(row.first, column.second), column.weight),
                                      mix(share(row.second, column.first), share(row.second, column.second), column.weight), row.weight);
      const Place colour = place(heat * (colours.size() - 1), static_cast<int>(colours.size()));
      const std::uint8_t* pixel = seen.rgb.data() + 3 * static_cast<std::size_t>(y / factor * seen.width + x / factor);
      for (std::size_t c = 0; c < 3; ++c)
        out.rgb.push_back(static_cast<std::uint8_t>(std::lround(mix(pixel[c], mix(colours[colour.first][c], colours[colour.second][c], colour.weight), opacity))));
    }
  }
  return out;
}

}  // namespace mvmoe
