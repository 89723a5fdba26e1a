// tools/report/png.h: pictures that stand in the page itself, as PNG in a data: address.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "train/data/dataset.h"

namespace mvmoe::report {

// Pixels [height, width, channels] as bytes; channels 1 (grey) or 3.
std::string png_address(const std::vector<std::uint8_t>& pixels, int width, int height, int channels);

// An image of the set as such an address; a larger one than 64 pixels a side is made smaller (means over its pixels).
std::string thumbnail(const ImageSet& set, int index);
constexpr int longest_thumbnail_side = 64;

}  // namespace mvmoe::report
