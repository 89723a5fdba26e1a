#include "train/input/preprocess.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/error.h"
#include "engine/files.h"
#include "train/data/damaged.h"

namespace mvmoe {

void set_colours(const char* flag, const std::vector<float>& values, std::array<float, 3>& to) {
  if (values.size() > 1 && values.size() != 3)
    fail_usage(flag, ": is given ", values.size(),
               " times: give it once for all colours, or three times for red, green and blue");
  for (std::size_t i = 0; i < 3 && !values.empty(); ++i) to[i] = values[values.size() == 3 ? i : 0];
}

const char* interpolation_name(Interpolation interpolation) {
  return interpolation == Interpolation::bicubic ? "bicubic" : "bilinear";
}

Interpolation interpolation_named(const std::string& name) {
  for (const Interpolation interpolation : {Interpolation::bilinear, Interpolation::bicubic})
    if (name == interpolation_name(interpolation)) return interpolation;
  fail_usage("--interpolation: '", printable(name), "', must be bilinear or bicubic");
}

void normalise(const std::uint8_t* from, int channels, int side, const std::array<float, 3>& mean,
               const std::array<float, 3>& std, float* to) {
  const int pixels = side * side;
  for (int c = 0; c < 3; ++c) {
    const std::size_t i = static_cast<std::size_t>(c);
    const float scale = 1 / (255 * std[i]), shift = mean[i] / std[i];
    const std::uint8_t* plane = from + (channels == 1 ? 0 : c * pixels);
    for (int p = 0; p < pixels; ++p) to[c * pixels + p] = static_cast<float>(plane[p]) * scale - shift;
  }
}

void normalise(const Image& image, const std::array<float, 3>& mean, const std::array<float, 3>& std, float* to) {
  const int pixels = image.width * image.height;
  for (int c = 0; c < 3; ++c) {
    const std::size_t i = static_cast<std::size_t>(c);
    const float scale = 1 / (255 * std[i]), shift = mean[i] / std[i];
    for (int p = 0; p < pixels; ++p)
      to[c * pixels + p] = static_cast<float>(image.rgb[static_cast<std::size_t>(3 * p + c)]) * scale - shift;
  }
}

Image resize_short_side(const Image& image, int side, Interpolation interpolation) {
  const int shorter = std::min(image.width, image.height);
  if (shorter == side) return image;
  const auto scaled = [&](int length) { return static_cast<int>(static_cast<std::int64_t>(side) * length / shorter); };
  Image out;
  resize(image, scaled(image.width), scaled(image.height), interpolation, out);
  return out;
}

namespace {

// Cuts the middle out of an image whose long side is more than `most` times its short side.
Image middle_of(const Image& image, int most) {
  const int longest = most * std::min(image.width, image.height), width = std::min(image.width, longest),
            height = std::min(image.height, longest);
  Image out;
  resize(image, {(image.width - width) / 2, (image.height - height) / 2, width, height}, width, height,
         Interpolation::bilinear, out);
  return out;
}

}  // namespace

Image centre_crop(const Image& image, int side, float crop_pct, Interpolation interpolation) {
  constexpr int most = 100;  // resizing a one-pixel line as a whole could take gigabytes
  if (std::max(image.width, image.height) / most > std::min(image.width, image.height))
    return centre_crop(middle_of(image, most), side, crop_pct, interpolation);
  const Image whole = resize_short_side(
      image, std::max(side, static_cast<int>(std::floor(static_cast<float>(side) / crop_pct))), interpolation);
  const auto half = [](int room) {
    return static_cast<int>(std::nearbyint(room / 2.0));
  };  // a half is rounded to the even number, as in Python
  const int left = half(whole.width - side), top = half(whole.height - side);
  const auto S = static_cast<std::size_t>(side), row = 3 * S;
  Image out{.width = side, .height = side, .rgb = std::vector<std::uint8_t>(S * row)};
  for (std::size_t y = 0; y < S; ++y)
    std::memcpy(out.rgb.data() + y * row,
                whole.rgb.data() + ((static_cast<std::size_t>(top) + y) * static_cast<std::size_t>(whole.width) +
                                    static_cast<std::size_t>(left)) *
                                       3,
                row);
  return out;
}

void network_input(const ImageSet& set, int index, int side, const Preprocessing& p, float* to) {
  std::vector<std::uint8_t> drawn;
  if (!set.read) return normalise(set.image(index, drawn), set.channels, side, p.mean, p.std, to);
  normalise(centre_crop(image_or_stand_in(set, index, 0), side, p.crop_pct, p.interpolation), p.mean, p.std, to);
}

}  // namespace mvmoe
