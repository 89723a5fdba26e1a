// A confusion matrix as CSV. What was read is written and read again: it must be the same.
#include "tests/fuzz/input.h"
#include "train/superclass/confusion_csv.h"

namespace mvmoe::fuzz {

void confusion(Input input) {
  const TemporaryFolder folder;
  put_file(folder / "confusion.csv", input);
  expect_answer([&] {
    const Confusion read = read_confusion(folder / "confusion.csv");
    write_confusion(folder / "again.csv", read);
    const Confusion again = read_confusion(folder / "again.csv");
    expect(again.classes == read.classes, "the classes' names do not survive being written");
    for (int r = 0; r < static_cast<int>(read.classes.size()); ++r)
      expect(std::ranges::equal(again.matrix[r], read.matrix[r]), "the entries do not survive being written");
  });
}

}  // namespace mvmoe::fuzz
