// A pack: its index, and each of its images. Read as it stands, and once more with its checksums put right: a checksum
// is what no fuzzer guesses, and behind it stand checks that a pack made in bad faith meets.
#include "train/data/pack.h"

#include <algorithm>

#include "engine/files.h"
#include "tests/fuzz/input.h"
#include "train/data/readers.h"

namespace mvmoe::fuzz {
namespace {

// Where a pack's tail and index can be found at all: first each image's CRC-32 in its record, then the index's in the
// tail.
void put_checksums_right(std::vector<std::uint8_t>& bytes) {
  constexpr std::size_t tail_bytes = 32, record_bytes = 32;
  if (bytes.size() < tail_bytes) return;
  const std::size_t tail = bytes.size() - tail_bytes, begin = little_endian(bytes, tail);
  if (begin > tail) return;
  const auto newline = static_cast<std::size_t>(std::find(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                                                          bytes.begin() + static_cast<std::ptrdiff_t>(tail), '\n') -
                                                bytes.begin());
  for (std::size_t record = newline + 1; record + record_bytes <= tail; record += record_bytes) {
    const std::size_t offset = little_endian(bytes, record), size = little_endian(bytes, record + 8);
    if (offset <= bytes.size() && size <= bytes.size() - offset)
      put_number(bytes, record + 12, crc32_of(Input(bytes).subspan(offset, size)));
  }
  put_number(bytes, tail + 16, crc32_of(Input(bytes).subspan(begin, tail - begin)));
}

void read_all(Input input) {
  const TemporaryFolder folder;
  put_file(folder / "pack", input);
  expect_answer([&] {
    const DataSet data = load_pack(folder / "pack", true);
    for (const ImageSet* set : {&data.train, &data.test})
      for (int i = 0; i < set->size(); ++i) {
        expect(set->labels[static_cast<std::size_t>(i)] < static_cast<int>(data.classes.size()), "a label is no class");
        expect_answer([&] {
          const Image image = set->read(i);
          expect(image.rgb.size() ==
                     std::size_t{3} * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height),
                 "an image is not of its size");
        });
      }
  });
}

}  // namespace

void pack(Input input) {
  read_all(input);
  std::vector<std::uint8_t> right(input.begin(), input.end());
  put_checksums_right(right);
  if (!std::equal(right.begin(), right.end(), input.begin())) read_all(right);
}

}  // namespace mvmoe::fuzz
