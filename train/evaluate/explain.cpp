#include "train/evaluate/explain.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "engine/error.h"
#include "train/augment/blend.h"

namespace mvmoe {
namespace {

constexpr int shown_side = 224;  // least side of a square, in pixels
constexpr int gap = 8;           // pixels between the squares
constexpr double opacity = 0.6;  // of the heat map

// Inferno at 0, 1/8, .. 1. Its lightness rises in equal steps, so it can be read in grey too.
constexpr std::array<std::array<double, 3>, 9> colours{{{0, 0, 4},
                                                        {33, 12, 74},
                                                        {86, 16, 110},
                                                        {137, 34, 106},
                                                        {187, 55, 84},
                                                        {227, 89, 50},
                                                        {249, 140, 10},
                                                        {249, 201, 50},
                                                        {252, 255, 164}}};

// A position between two neighbours of a row of `count` values: the first neighbour, and the weight of the second.
// Positions beyond an end are moved to the end.
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

// The shares of the patches [G x G], interpolated between their centres, and scaled: 0 is the smallest, 1 the largest.
class Heat {
 public:
  Heat(const std::vector<float>& shares, int G, int side)
      : shares_(shares), G_(G), patch_(static_cast<double>(side) / G) {
    const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
    least_ = static_cast<double>(*least);
    scale_ = *most > *least ? 1 / (static_cast<double>(*most) - least_) : 0;
  }

  double at(int x, int y) const {
    const Place row = place((y + 0.5) / patch_ - 0.5, G_), column = place((x + 0.5) / patch_ - 0.5, G_);
    return scale_ *
           (mix(mix(share(row.first, column.first), share(row.first, column.second), column.weight),
                mix(share(row.second, column.first), share(row.second, column.second), column.weight), row.weight) -
            least_);
  }

 private:
  double share(std::size_t row, std::size_t column) const {
    return static_cast<double>(shares_[row * static_cast<std::size_t>(G_) + column]);
  }

  const std::vector<float>& shares_;
  int G_;
  double patch_, least_, scale_;
};

void add_coloured(std::vector<std::uint8_t>& rgb, double grey, double heat) {
  const Place colour = place(heat * (colours.size() - 1), static_cast<int>(colours.size()));
  for (std::size_t c = 0; c < 3; ++c)
    rgb.push_back(static_cast<std::uint8_t>(
        std::lround(mix(grey, mix(colours[colour.first][c], colours[colour.second][c], colour.weight), opacity))));
}

}  // namespace

Explanation explanation_of(const Image& seen, const std::vector<float>& shares) {
  const int G = static_cast<int>(std::lround(std::sqrt(static_cast<double>(shares.size()))));
  if (shares.empty() || static_cast<std::size_t>(G) * static_cast<std::size_t>(G) != shares.size() ||
      seen.width != seen.height || seen.width < 1)
    fail("explanation_of: ", shares.size(), " shares for an image of ", seen.width, " x ", seen.height,
         " pixels: both must be squares");
  const int factor = (shown_side + seen.width - 1) / seen.width, side = seen.width * factor;
  const Heat heat(shares, G, side);
  const auto pixel = [&](int x, int y) {
    return seen.rgb.data() + 3 * static_cast<std::size_t>(y / factor * seen.width + x / factor);
  };
  Image out{.width = 2 * side + gap, .height = side, .rgb = {}};
  out.rgb.reserve(static_cast<std::size_t>(out.width) * static_cast<std::size_t>(side) * 3);
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) out.rgb.insert(out.rgb.end(), pixel(x, y), pixel(x, y) + 3);
    out.rgb.insert(out.rgb.end(), 3 * gap, 255);
    for (int x = 0; x < side; ++x) add_coloured(out.rgb, grey(pixel(x, y)), heat.at(x, y));
  }
  const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
  const float mean = std::accumulate(shares.begin(), shares.end(), 0.0f) / static_cast<float>(shares.size());
  return {.picture = std::move(out), .least = mean > 0 ? *least / mean : 0, .most = mean > 0 ? *most / mean : 0};
}

}  // namespace mvmoe
