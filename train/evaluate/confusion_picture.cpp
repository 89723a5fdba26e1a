#include "train/evaluate/confusion_picture.h"

#include <algorithm>
#include <cmath>

#include "train/data/encode.h"

namespace mvmoe {

Picture confusion_picture(const Evaluation& evaluation, const std::vector<int>& labels, int classes) {
  constexpr std::size_t most_rows = 1000;
  const auto C = static_cast<std::size_t>(classes);
  const std::size_t together = (C + most_rows - 1) / most_rows, rows = (C + together - 1) / together;
  std::vector<int> count(rows * rows), of_row(rows);  // [true, predicted], [true]
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::size_t row = static_cast<std::size_t>(labels[i]) / together;
    ++count[row * rows + static_cast<std::size_t>(evaluation.results[i].predicted) / together];
    ++of_row[row];
  }
  const std::size_t cell = std::max<std::size_t>(1, 400 / rows), side = rows * cell;
  std::vector<std::uint8_t> pixels(side * side);  // grey
  for (std::size_t y = 0; y < side; ++y)
    for (std::size_t x = 0; x < side; ++x) {
      const std::size_t row = y / cell;
      const double share = static_cast<double>(count[row * rows + x / cell]) / std::max(1, of_row[row]);
      pixels[y * side + x] = static_cast<std::uint8_t>(std::lround(255 * (1 - share)));
    }
  const int length = static_cast<int>(side);
  return {.width = length, .height = length, .png = encode_png(pixels.data(), length, length, 1)};
}

}  // namespace mvmoe
