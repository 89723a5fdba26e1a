#include "train/evaluate/class_accuracy.h"

#include <algorithm>

namespace mvmoe {

std::vector<ClassAccuracy> accuracy_by_class(const Evaluation& evaluation, const std::vector<int>& labels,
                                             int classes) {
  std::vector<ClassAccuracy> all(static_cast<std::size_t>(classes));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ClassAccuracy& one = all[static_cast<std::size_t>(labels[i])];
    ++one.images;
    one.top1 += evaluation.results[i].rank < 1;
  }
  for (std::size_t c = 0; c < all.size(); ++c) {
    all[c].label = static_cast<int>(c);
    all[c].top1 *= 100.0 / std::max(1, all[c].images);
  }
  std::erase_if(all, [](const ClassAccuracy& one) { return one.images == 0; });
  std::stable_sort(all.begin(), all.end(),
                   [](const ClassAccuracy& a, const ClassAccuracy& b) { return a.top1 < b.top1; });
  return all;
}

}  // namespace mvmoe
