// train/data/decode_jpeg.h: decodes a JPEG whose header decode.cpp has checked.
#pragma once
#include <cstdint>
#include <span>

#include "train/data/image.h"

namespace mvmoe {

// Throws Error that says what is wrong, without a name.
Image decode_jpeg(std::span<const std::uint8_t> bytes);

}  // namespace mvmoe
