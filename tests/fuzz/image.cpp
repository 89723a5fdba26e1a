// A JPEG or PNG through our decoder. A PNG once more with its chunks' checksums put right: no fuzzer guesses them, and
// the decoders behind them are what is to be tried.
#include "engine/files.h"
#include "tests/fuzz/input.h"
#include "train/data/decode.h"

namespace mvmoe::fuzz {
namespace {

std::vector<std::uint8_t> with_right_checksums(Input input) {
  std::vector<std::uint8_t> bytes(input.begin(), input.end());
  constexpr std::size_t signature = 8, around = 12;  // length, type, checksum
  for (std::size_t at = signature; at + around <= bytes.size();) {
    const std::size_t length = std::size_t{bytes[at]} << 24 | std::size_t{bytes[at + 1]} << 16 |
                               std::size_t{bytes[at + 2]} << 8 | bytes[at + 3];
    if (length > bytes.size() - at - around) break;
    put_number(bytes, at + 8 + length, crc32_of(Input(bytes).subspan(at + 4, 4 + length)), true);
    at += around + length;
  }
  return bytes;
}

void decode(Input input) {
  expect_answer([&] {
    const Image image = decode_image(input);
    expect(image.rgb.size() ==
               std::size_t{3} * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height),
           "an image is not of its size");
  });
}

}  // namespace

void image(Input input) {
  decode(input);
  if (input.size() > 0 && input[0] == 0x89) decode(with_right_checksums(input));
}

}  // namespace mvmoe::fuzz
