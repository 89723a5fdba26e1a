#include "train/confusion_picture.h"

#include <algorithm>
#include <cmath>

#include "train/data/encode.h"

namespace mvmoe {

Picture confusion_picture(const Evaluation& evaluation, const std::vector<int>& labels, int classes) {
  const auto C = static_cast<std::size_t>(classes);
  std::vector<int> count(C * C), of_class(C);  // [true, predicted], [true]
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels[i]);
    ++count[label * C + static_cast<std::size_t>(evaluation.results[i].predicted)];
    ++of_class[label];
  }
  const std::size_t cell = std::max<std::size_t>(1, 400 / C), side = C * cell;
  std::vector<std::uint8_t> pixels(side * side);  // grey
  for (std::size_t y = 0; y < side; ++y)
    for (std::size_t x = 0; x < side; ++x) {
      const std::size_t row = y / cell;
      const double share = static_cast<double>(count[row * C + x / cell]) / std::max(1, of_class[row]);
      pixels[y * side + x] = static_cast<std::uint8_t>(std::lround(255 * (1 - share)));
    }
  const int length = static_cast<int>(side);
  return {.width = length, .height = length, .png = encode_png(pixels.data(), length, length, 1)};
}

}  // namespace mvmoe
