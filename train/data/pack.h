// train/data/pack.h: a pack is a data set in one file: resized images, an index, and a checksum for each image.
//
//   "mvmoepk1"   8 bytes
//   images       one after another, training images first: each a JPEG, or raw bytes [height, width, 3]
//   index        a line of JSON (how it was packed, numbers of images, class names), then a record of 32 bytes an
//                image: offset (8 bytes), bytes, CRC-32, width, height, label, 0 (4 bytes each)
//   tail         32 bytes: where the index begins (8), its bytes (8), its CRC-32 (4), 0 (4), "mvmoepk1"
//
// Numbers are little-endian. The index is last, so a pack is written from front to back, whatever its size. It is read
// with pread. If the file is cut short during a run, that is an error; with mapped memory it would kill the process.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "train/data/dataset.h"

namespace mvmoe {

enum class PackFormat { jpeg, raw };

// An open pack. Many threads and processes may read images at the same time.
class Pack {
 public:
  // Reads the index and checks it: its checksum, and that each record points into the file. Throws Error that names the
  // file and what is wrong.
  explicit Pack(const std::filesystem::path& path);
  ~Pack();
  Pack(const Pack&) = delete;
  Pack& operator=(const Pack&) = delete;

  static bool begins_like_one(const std::filesystem::path& path);

  int images() const { return static_cast<int>(records_.size()); }
  int training_images() const { return training_images_; }  // they come first
  int label(int index) const { return static_cast<int>(records_[static_cast<std::size_t>(index)].label); }
  PackFormat format() const { return format_; }
  int size() const { return size_; }
  const std::vector<std::string>& classes() const { return classes_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint32_t crc32() const { return crc32_; }  // of the index, which holds the CRC of every image

  // Checks the bytes of an image without decoding it. Throws as read does.
  void verify(int index) const { stored(index); }

  // Reads and decodes an image. Throws Error "FILE: image N (CLASS): ..." if its bytes do not have the right CRC.
  Image read(int index) const;

 private:
  struct Record {
    std::uint64_t offset;
    std::uint32_t bytes, crc32, width, height, label, zero;
  };
  static_assert(sizeof(Record) == 32);
  friend class PackWriter;
  void parse_header(const std::string& line, std::size_t records);
  void check(const Record& record, std::size_t index) const;
  std::vector<std::uint8_t> stored(int index) const;
  template <class... What>
  [[noreturn]] void fail_image(int index, const What&... what) const;
  void read_at(std::uint64_t offset, std::span<std::uint8_t> to) const;
  [[noreturn]] void fail_damaged(const std::string& what) const;

  std::string shown_;
  int file_ = -1;
  std::uint64_t bytes_ = 0, index_offset_ = 0;
  std::uint32_t crc32_ = 0;
  PackFormat format_ = PackFormat::jpeg;
  int size_ = 0, training_images_ = 0;
  std::vector<std::string> classes_;
  std::vector<Record> records_;
};

}  // namespace mvmoe
