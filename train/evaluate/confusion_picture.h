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

// A row for each true class, a column for each predicted one, both in label order: the share of the row's images, from
// white (none) to black (all). A cell is a square of as many pixels as fit into about 400, at least one. Of more than
// 1000 classes, neighbours share a row and a column, so many that at most 1000 are left. labels [images] in
// 0..classes-1.
Picture confusion_picture(const Evaluation& evaluation, const std::vector<int>& labels, int classes);

}  // namespace mvmoe
