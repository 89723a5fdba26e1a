// train/augment/rectangle.h: a part of an image, in whole pixels.
#pragma once

namespace mvmoe {

struct Rectangle {
  int left = 0, top = 0, width = 0, height = 0;
};

}  // namespace mvmoe
