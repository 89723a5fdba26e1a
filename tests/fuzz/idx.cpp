// IDX files: the input is the images' file, with its length before it, and the labels', gzipped or not; both serve as
// the training and as the test set.
#include "tests/fuzz/input.h"
#include "train/data/readers.h"

namespace mvmoe::fuzz {

void idx(Input input) {
  Pieces pieces(input);
  const Input images = pieces.next(), labels = pieces.rest();
  const TemporaryFolder folder;
  for (const char* part : {"train", "t10k"}) {
    put_file(folder / text(part, "-images-idx3-ubyte"), images);
    put_file(folder / text(part, "-labels-idx1-ubyte"), labels);
  }
  expect_answer([&] {
    const DataSet data = load_mnist(folder.path());
    expect(data.train.pixels.size() ==
               data.train.labels.size() * static_cast<std::size_t>(data.train.side * data.train.side),
           "pixels are not images");
  });
}

}  // namespace mvmoe::fuzz
