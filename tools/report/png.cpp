#include "tools/report/png.h"

#include <algorithm>

#include "train/data/damaged.h"
#include "train/data/encode.h"
#include "train/input/preprocess.h"

namespace mvmoe::report {
namespace {

std::string base64(const std::vector<std::uint8_t>& bytes) {
  constexpr const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t here = std::min<std::size_t>(3, bytes.size() - i);
    unsigned three = 0;
    for (std::size_t k = 0; k < 3; ++k) three = three << 8 | (k < here ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += k <= here ? digits[three >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

}  // namespace

std::string png_address(const std::vector<std::uint8_t>& pixels, int width, int height, int channels) {
  return "data:image/png;base64," + base64(encode_png(pixels.data(), width, height, channels));
}

std::string thumbnail(const ImageSet& set, int index) {
  if (set.read) {
    const Image image =
        centre_crop(image_or_stand_in(set, index, 0), longest_thumbnail_side, 1, Interpolation::bicubic);
    return png_address(image.rgb, image.width, image.height, 3);
  }
  std::vector<std::uint8_t> drawn;
  const int side = std::min(set.side, longest_thumbnail_side), channels = set.channels;
  const std::uint8_t* planes = set.image(index, drawn);  // [channels, S, S]
  std::vector<std::uint8_t> pixels;                      // [side, side, channels]
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (int c = 0; c < channels; ++c) {
        const int top = y * set.side / side, bottom = (y + 1) * set.side / side, left = x * set.side / side,
                  right = (x + 1) * set.side / side;
        long sum = 0;
        for (int v = top; v < bottom; ++v)
          for (int u = left; u < right; ++u)
            sum += planes[(static_cast<std::ptrdiff_t>(c) * set.side + v) * set.side + u];
        const long count = static_cast<long>(bottom - top) * (right - left);
        pixels.push_back(static_cast<std::uint8_t>((sum + count / 2) / count));
      }
  return png_address(pixels, side, side, channels);
}

}  // namespace mvmoe::report
