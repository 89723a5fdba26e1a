#include "train/data/encode.h"

#include "engine/error.h"

// The one place where stb_image_write is compiled.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace mvmoe {
namespace {

void append(void* file, void* data, int size) {
  auto& bytes = *static_cast<std::vector<std::uint8_t>*>(file);
  const auto* begin = static_cast<const std::uint8_t*>(data);
  bytes.insert(bytes.end(), begin, begin + size);
}

}  // namespace

std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality) {
  std::vector<std::uint8_t> bytes;
  if (!stbi_write_jpg_to_func(append, &bytes, image.width, image.height, 3, image.rgb.data(), quality))
    fail("an image of ", image.width, " x ", image.height, " pixels could not be made a JPEG");
  return bytes;
}

std::vector<std::uint8_t> encode_png(const std::uint8_t* pixels, int width, int height, int channels) {
  std::vector<std::uint8_t> bytes;
  if (!stbi_write_png_to_func(append, &bytes, width, height, channels, pixels, width * channels))
    fail("an image of ", width, " x ", height, " pixels could not be made a PNG");
  return bytes;
}

}  // namespace mvmoe
