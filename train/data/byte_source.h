// train/data/byte_source.h: the bytes of a file that may be gzipped, read front to back without trusting it.
//
// How much is unpacked is the reader's choice and not the stream's: a few bytes that unpack to many gigabytes cost
// nothing. Every error begins with the name and a colon.
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
  // `packed` must outlive the source. It is unpacked if it begins as gzip does, and given as it is if not.
  ByteSource(std::string name, std::span<const std::uint8_t> packed);
  ~ByteSource();

  // The next bytes; throws where there are fewer. Memory is taken only if so many can be there at all.
  std::vector<std::uint8_t> take(std::size_t bytes);

  // The next bytes up to and without `end`, which is skipped; throws if `limit` bytes hold none.
  std::string take_until(char end, std::size_t limit);

  // Throws unless every byte was taken, the checksum is right and nothing stands behind the stream.
  void expect_end();

 private:
  struct Unpacker;
  std::size_t read(std::uint8_t* to, std::size_t bytes);  // fewer only at the end
  [[noreturn]] void fail_short(std::size_t wanted) const;

  std::string name_;
  std::span<const std::uint8_t> packed_;  // where it is not gzip: what is left of it
  std::unique_ptr<Unpacker> unpacker_;    // null where it is not gzip
  std::size_t taken_ = 0;
};

}  // namespace mvmoe
