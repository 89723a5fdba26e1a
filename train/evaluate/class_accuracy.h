// train/evaluate/class_accuracy.h: the accuracy of each class.
#pragma once
#include <vector>

#include "train/evaluate/evaluate.h"

namespace mvmoe {

struct ClassAccuracy {
  int label = 0;
  int images = 0;   // of this class
  double top1 = 0;  // percent
};

// The classes that have images, the worst first, equally good ones in label order. labels [images] in 0..classes-1.
std::vector<ClassAccuracy> accuracy_by_class(const Evaluation& evaluation, const std::vector<int>& labels, int classes);

}  // namespace mvmoe
