#include "tools/report/png.h"

#include <algorithm>

#include "engine/error.h"

// The one place where stb_image_write is compiled.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

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
  std::vector<std::uint8_t> file;
  const auto append = [](void* to, void* data, int size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    static_cast<std::vector<std::uint8_t>*>(to)->insert(static_cast<std::vector<std::uint8_t>*>(to)->end(), bytes, bytes + size);
  };
  if (!stbi_write_png_to_func(append, &file, width, height, channels, pixels.data(), width * channels))
    fail("a picture of ", width, " x ", height, " pixels cannot be packed: out of memory");
  return "data:image/png;base64," + base64(file);
}

std::string thumbnail(const ImageSet& set, int index) {
  const int side = std::min(set.side, longest_thumbnail_side), channels = set.channels;
  const std::uint8_t* planes = set.image(index);  // [channels, S, S]
  std::vector<std::uint8_t> pixels;               // [side, side, channels]
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (int c = 0; c < channels; ++c) {
        const int top = y * set.side / side, bottom = (y + 1) * set.side / side, left = x * set.side / side, right = (x + 1) * set.side / side;
        long sum = 0;
        for (int v = top; v < bottom; ++v)
          for (int u = left; u < right; ++u) sum += planes[(static_cast<std::ptrdiff_t>(c) * set.side + v) * set.side + u];
        const long count = static_cast<long>(bottom - top) * (right - left);
        pixels.push_back(static_cast<std::uint8_t>((sum + count / 2) / count));
      }
  return png_address(pixels, side, side, channels);
}

}  // namespace mvmoe::report
