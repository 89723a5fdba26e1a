// train/data/decode.h: decodes the bytes of a JPEG, PNG, BMP or GIF file, without trusting them.
//
// Before a decoder allocates memory, the header is checked here: the kind of the file by its first bytes, not by its
// name; the size; in a PNG the checksum of every chunk. Then libjpeg-turbo decodes a JPEG, and stb_image the other
// kinds (the first frame of a GIF). The result has the bytes of Pillow's convert("RGB"): grey is repeated, alpha is
// dropped, CMYK is inverted as Adobe stores it, orientation tags are ignored. One difference: of 16-bit grey the high
// byte is kept, where Pillow makes everything above 255 white.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

#include "train/data/image.h"

namespace mvmoe {

constexpr std::size_t largest_image_file = std::size_t{64} << 20;  // bytes
constexpr std::int64_t most_pixels = 100'000'000;                  // width x height

// Throws Error, without a file name, if the file is of another kind, has too many pixels, is cut short or damaged, or
// is a JPEG that is not supported (lossless, arithmetic-coded, 12-bit).
Image decode_image(std::span<const std::uint8_t> bytes);

// The same for a file. Throws "PATH: ...".
Image read_image(const std::filesystem::path& path);

}  // namespace mvmoe
