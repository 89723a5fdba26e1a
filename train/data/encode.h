// train/data/encode.h: images to JPEG and PNG, by stb_image_write.
#pragma once
#include <cstdint>
#include <vector>

#include "train/data/image.h"

namespace mvmoe {

// Baseline JPEG; quality 1 .. 100. Above 90 the colours have full resolution, else half of it in each direction.
std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality);

// pixels [height, width, channels], row by row; channels 1 (grey) or 3.
std::vector<std::uint8_t> encode_png(const std::uint8_t* pixels, int width, int height, int channels);

}  // namespace mvmoe
