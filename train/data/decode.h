// train/data/decode.h: the bytes of a JPEG, PNG, BMP or GIF file to an image, without trusting them.
//
// Before a decoder takes memory, the header is read here: what the picture is, by its first bytes and not by its name;
// its size; for a PNG every chunk's checksum. Then libjpeg-turbo decodes a JPEG, stb_image the others; of a GIF
// the first frame. Shown as Pillow's
// convert("RGB") shows it, to the byte: grey three times over, alpha dropped, CMYK as Adobe stores it (inverted),
// orientation tags ignored. One difference: 16-bit grey keeps its high byte, where Pillow cuts everything above 255 to
// white.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

#include "train/data/image.h"

namespace mvmoe {

constexpr std::size_t largest_image_file = std::size_t{64} << 20;  // bytes
constexpr std::int64_t most_pixels = 100'000'000;                  // width x height

// Throws Error that says what is wrong, without a name: of another kind, too many pixels, cut short, damaged, of a
// kind that is not read (lossless, arithmetic-coded, 12-bit JPEG).
Image decode_image(std::span<const std::uint8_t> bytes);

// The same of a file. Throws "PATH: ...".
Image read_image(const std::filesystem::path& path);

}  // namespace mvmoe
