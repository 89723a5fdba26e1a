// train/evaluate/confusion_picture.h: a confusion matrix as a picture, for TensorBoard.
#pragma once
#include <cstdint>
#include <vector>

#include "train/evaluate/evaluate.h"

namespace mvmoe {

struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> png = {};
};

// A row for each true class, a column for each predicted class, both in label order. A cell shows the share of the
// row's images, from white (none) to black (all). Cells are squares; the picture has about 400 pixels a side, but a
// cell at least one. With more than 1000 classes, neighbouring classes share a cell, so that at most 1000 rows are
// left. labels [images] in 0..classes-1.
Picture confusion_picture(const Evaluation& evaluation, const std::vector<int>& labels, int classes);

}  // namespace mvmoe
