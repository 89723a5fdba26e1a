// CIFAR's binary files: the input is a byte (even: CIFAR-10), the fine and the coarse names, each with its length
// before it, and records, which serve as each of the parts.
#include "tests/fuzz/input.h"
#include "train/data/readers.h"

namespace mvmoe::fuzz {

void cifar(Input input) {
  Pieces pieces(input);
  const bool ten = pieces.number(1) % 2 == 0;
  const Input fine = pieces.next(), coarse = pieces.next(), records = pieces.rest();
  const TemporaryFolder folder;
  put_file(folder / (ten ? "batches.meta.txt" : "fine_label_names.txt"), fine);
  if (!ten) put_file(folder / "coarse_label_names.txt", coarse);
  for (int i = 1; ten && i <= 5; ++i) put_file(folder / text("data_batch_", i, ".bin"), records);
  put_file(folder / (ten ? "test_batch.bin" : "test.bin"), records);
  if (!ten) put_file(folder / "train.bin", records);
  expect_answer([&] {
    const DataSet data = ten ? load_cifar10(folder.path()) : load_cifar100(folder.path());
    expect(data.test.pixels.size() == data.test.labels.size() * 3 * 32 * 32, "pixels are not images");
    for (const int label : data.test.labels)
      expect(label >= 0 && label < static_cast<int>(data.classes.size()), "a label is no class");
  });
}

}  // namespace mvmoe::fuzz
