// A classifier without training, to see that the data can be learnt and that
// it is not trivial: each test image takes the class of the nearest train
// image.
#include <algorithm>
#include <cstdio>
#include <map>

#include "glyphs.h"

namespace glyphs {

void check_nearest_neighbour(const Side& train, const Side& test) {
  std::map<std::pair<int, int>, int> confused;  // unordered pairs of classes
  std::size_t right = 0, right_any_case = 0;
  auto lower = [](int c) { return c >= 10 && c < 36 ? c + 26 : c; };
  for (std::size_t i = 0; i < test.images.size(); ++i) {
    int best = 1 << 30, label = 0;
    for (std::size_t j = 0; j < train.images.size(); ++j) {
      const int d = distance(test.images[i], train.images[j]);
      if (d < best) {
        best = d;
        label = train.labels[j];
      }
    }
    const int truth = test.labels[i];
    right += label == truth;
    right_any_case += lower(label) == lower(truth);
    if (label != truth) ++confused[std::minmax(label, truth)];
  }
  const double total = static_cast<double>(test.images.size());
  std::printf(
      "1-nearest-neighbour: %.2f %% right (%.2f %% when case does not "
      "count)\n",
      100.0 * right / total, 100.0 * right_any_case / total);
  std::vector<std::pair<int, std::pair<int, int>>> order;
  for (const auto& [pair, count] : confused) order.push_back({-count, pair});
  std::sort(order.begin(), order.end());
  std::printf("most confused pairs:");
  for (std::size_t i = 0; i < order.size() && i < 10; ++i)
    std::printf(" %c%c %d", kLetters[order[i].second.first], kLetters[order[i].second.second], -order[i].first);
  std::printf("\n");

  // Images of two classes that are equal to the last pixel: nobody can tell
  // them apart, so this bounds the accuracy from above.
  std::map<Image, std::array<int, kClasses>> same;
  for (std::size_t i = 0; i < test.images.size(); ++i) ++same[test.images[i]][test.labels[i]];
  std::size_t lost = 0;
  for (const auto& [image, counts] : same) {
    int all = 0;
    for (int n : counts) all += n;
    lost += all - *std::max_element(counts.begin(), counts.end());
  }
  std::printf(
      "test images that equal one of another class: at least %zu must "
      "be wrong (%.2f %%)\n",
      lost, 100.0 * lost / total);
}

}  // namespace glyphs
