// Accuracy class by class. Wrong but plausible: predictions counted by what was predicted, a class without images as
// one of 0 %, the best first.
#include "train/evaluate/class_accuracy.h"

#include <gtest/gtest.h>

namespace mvmoe {
namespace {

TEST(ClassAccuracy, WorstFirstAndOnlyWhatHasImages) {
  const std::vector<int> labels{0, 0, 0, 0, 1, 2, 2, 4};
  Evaluation e;
  for (const int rank : {0, 0, 0, 1, 0, 3, 0, 0}) e.results.push_back({.predicted = 1, .rank = rank});
  const auto all = accuracy_by_class(e, labels, 5);
  ASSERT_EQ(all.size(), 4u);
  const int label[] = {2, 0, 1, 4}, images[] = {2, 4, 1, 1};
  const double top1[] = {50, 75, 100, 100};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(all[i].label, label[i]);
    EXPECT_EQ(all[i].images, images[i]);
    EXPECT_EQ(all[i].top1, top1[i]);
  }
}

}  // namespace
}  // namespace mvmoe
