// train/data/byte_source.h: the bytes of a file that may be gzipped, read front to back without trusting it.
//
// The reader decides how many bytes are unpacked, so a few bytes that would unpack to gigabytes do no harm. Every error
// begins with the name and a colon.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mvmoe {

class ByteSource {
 public:
  // `packed` must outlive the source. If it begins like gzip it is unpacked, else its bytes are given unchanged.
  ByteSource(std::string name, std::span<const std::uint8_t> packed);
  ~ByteSource();

  // The next bytes; throws if there are fewer. Memory is allocated only if the source can have so many.
  std::vector<std::uint8_t> take(std::size_t bytes);

  // The next bytes up to and without `end`, which is skipped; throws if `limit` bytes hold none.
  std::string take_until(char end, std::size_t limit);

  // Throws unless every byte was taken, the checksum is right and nothing follows the stream.
  void expect_end();

 private:
  struct Unpacker;
  std::size_t read(std::uint8_t* to, std::size_t bytes);  // fewer only at the end
  [[noreturn]] void fail_short(std::size_t wanted) const;

  std::string name_;
  std::span<const std::uint8_t> packed_;  // if it is not gzip: the bytes that are left
  std::unique_ptr<Unpacker> unpacker_;    // null if it is not gzip
  std::size_t taken_ = 0;
};

}  // namespace mvmoe
