// train/data/image.h: a decoded image.
#pragma once
#include <cstdint>
#include <vector>
namespace mvmoe {
struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;  // [height, width, 3], row by row
};
}  // namespace mvmoe
