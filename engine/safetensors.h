// engine/safetensors.h: the container of weights, optimizer state and golden values.
//
// The format (github.com/huggingface/safetensors): 8 bytes little-endian header length, a JSON header
// {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, "__metadata__": {..strings..}}, the data.
// The format has no checksum and a flipped bit loads, so we add one: a CRC-32 of each tensor in the metadata entry
// "crc32" (a JSON object, hexadecimal), verified where present.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/mapped_file.h"
#include "engine/tensor.h"

namespace mvmoe {

using Metadata = std::map<std::string, std::string>;

struct NamedTensor {
  std::string name;
  Tensor value;
};

// Written aside, synced, renamed once (engine/files.h). Names in the order given; data begins on 64 bytes. The same
// input gives the same bytes. A metadata string that is not UTF-8 gets U+FFFD for what is not; a name must be UTF-8.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                       const Metadata& metadata);

struct NamedShape {
  std::string name;
  Shape shape;
};

// The same of tensors that need not stand in memory together: value(i) is asked for once each, in their order. Not into
// a pipe.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedShape>& tensors,
                       const std::function<Tensor(std::size_t)>& value, const Metadata& metadata);

struct MappedTensor {
  Tensor value;                             // in the file: never written to
  std::shared_ptr<const MappedFile> owner;  // which must be kept as long
};

// Reads by pread: a file that shrinks or vanishes is an error, not a SIGBUS. Every error begins with the path and
// says what is wrong and what would be right.
class SafetensorsFile {
 public:
  struct Entry {
    std::string name;
    std::string dtype;                // F32; F16, BF16 and F64 are converted when read
    Shape shape;                      // a scalar [] in the file is [1] here; without axes where no Shape can hold it
    std::vector<std::uint64_t> axes;  // as they stand in the file, any number of them
    std::size_t begin = 0, end = 0;   // bytes, from the end of the header
  };

  // Checks the whole header: length against the file, JSON, dtypes, shapes against offsets, offsets that cover the
  // data without overlap or hole, names not twice. Reads no data. Integers and more than four axes may stand in a
  // file: only reading such a tensor is an error.
  explicit SafetensorsFile(const std::filesystem::path& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::vector<Entry>& entries() const { return entries_; }  // in the order of their data
  const Metadata& metadata() const { return metadata_; }          // without "crc32"
  const Entry* find(const std::string& name) const;               // null where there is none

  // Throws if there is no such tensor, or its shape is not this one (both are named).
  void require(const std::string& name, const Shape& shape) const;

  // The same, or its CRC is wrong.
  void read(const std::string& name, Tensor into) const;

  // The tensor where it lies in the file, whose size was compared with its header: no page is read before it is
  // touched, and no checksum is looked at. Nothing if it does not lie there as memory has it: F32, on a multiple of 4
  // bytes. Throws as `read` does if there is no such tensor or it has another shape.
  std::optional<MappedTensor> map(const std::string& name, const Shape& shape) const;

  // Reads everything and compares the checksums; gives the number of tensors that had one.
  int verify() const;

 private:
  template <class... Parts>
  [[noreturn]] void fail_here(const Parts&... parts) const;
  void read_bytes(std::size_t position, std::uint8_t* to, std::size_t bytes) const;
  void read_header(const std::filesystem::path& path);
  void check_offsets();
  void read_checksums();
  void check_crc(const Entry& entry, std::uint32_t crc) const;
  const Entry& entry_of(const std::string& name, const Shape& shape) const;

  std::string shown_;  // the path as it may be printed: every error begins with it
  int file_ = -1;
  std::size_t file_bytes_ = 0, data_begin_ = 0;
  std::vector<Entry> entries_;
  std::map<std::string, std::size_t> index_;  // name to place in entries_
  Metadata metadata_;
  std::map<std::string, std::uint32_t> checksums_;
  mutable std::shared_ptr<const MappedFile> mapped_;  // null until something is
};

}  // namespace mvmoe
