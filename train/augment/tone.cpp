#include "train/augment/tone.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "train/augment/blend.h"

namespace mvmoe {
namespace {

using Table = std::array<std::uint8_t, 256>;
using Histogram = std::array<int, 256>;

template <class Level>  // int -> int, 0 .. 255 both
Table table_of(const Level& level) {
  Table table;
  for (int i = 0; i < 256; ++i) table[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(level(i));
  return table;
}

void look_up(Image& image, const Table& table) {
  for (std::uint8_t& value : image.rgb) value = table[value];
}

// Replaces levels by a table for each channel, made from the channel's histogram.
template <class TableOf>
void look_up_by_channel(Image& image, const TableOf& table_of_histogram) {
  for (std::size_t c = 0; c < 3; ++c) {
    Histogram histogram{};
    for (std::size_t i = c; i < image.rgb.size(); i += 3) ++histogram[image.rgb[i]];
    const Table table = table_of_histogram(histogram);
    for (std::size_t i = c; i < image.rgb.size(); i += 3) image.rgb[i] = table[image.rgb[i]];
  }
}

Table identity() {
  return table_of([](int i) { return i; });
}

Table stretched(const Histogram& histogram) {
  const auto any = [](int n) { return n > 0; };
  const auto low = static_cast<int>(std::find_if(histogram.begin(), histogram.end(), any) - histogram.begin());
  const auto high =
      255 - static_cast<int>(std::find_if(histogram.rbegin(), histogram.rend(), any) - histogram.rbegin());
  if (high <= low) return identity();
  const double scale = 255.0 / (high - low), offset = -low * scale;
  return table_of([=](int i) { return std::clamp(static_cast<int>(i * scale + offset), 0, 255); });
}

// The brightest level is left out of the step, so that it can become 255.
Table equalized(const Histogram& histogram) {
  const auto brightest = std::find_if(histogram.rbegin(), histogram.rend(), [](int n) { return n > 0; });
  if (brightest == histogram.rend()) return identity();
  const int step = (std::accumulate(histogram.begin(), histogram.end(), 0) - *brightest) / 255;
  if (step == 0) return identity();  // only one level, or too few pixels
  int below = step / 2;
  return table_of([&](int i) {
    const int level = below / step;
    below += histogram[static_cast<std::size_t>(i)];
    return std::min(level, 255);
  });
}

}  // namespace

void invert(Image& image) {
  for (std::uint8_t& value : image.rgb) value = static_cast<std::uint8_t>(255 - value);
}

void posterize(Image& image, int bits) {
  const int lost = 255 >> bits;
  for (std::uint8_t& value : image.rgb) value = static_cast<std::uint8_t>(value & ~lost);
}

void solarize(Image& image, int threshold) {
  look_up(image, table_of([=](int i) { return i < threshold ? i : 255 - i; }));
}

void solarize_add(Image& image, int amount) {
  look_up(image, table_of([=](int i) { return i < 128 ? std::min(255, i + amount) : i; }));
}

void auto_contrast(Image& image) { look_up_by_channel(image, stretched); }

void equalize(Image& image) { look_up_by_channel(image, equalized); }

void brightness(Image& image, float factor) {
  look_up(image, table_of([=](int i) { return blend(0, i, factor); }));
}

void contrast(Image& image, float factor) {
  std::uint64_t sum = 0;
  const std::size_t pixels = image.rgb.size() / 3;
  for (std::size_t i = 0; i < pixels; ++i) sum += static_cast<std::uint64_t>(grey(&image.rgb[3 * i]));
  const int mean = static_cast<int>(static_cast<double>(sum) / static_cast<double>(pixels) + 0.5);
  look_up(image, table_of([=](int i) { return blend(mean, i, factor); }));
}

}  // namespace mvmoe
