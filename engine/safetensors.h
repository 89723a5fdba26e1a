// engine/safetensors.h: the container of weights, optimizer state and golden values.
//
// The format (github.com/huggingface/safetensors): 8 bytes little-endian header length, a JSON header
// {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, "__metadata__": {..strings..}}, the data.
// The format has no checksum, so a flipped bit would not be noticed. We add a CRC-32 of each tensor, in the metadata
// entry "crc32" (a JSON object, hexadecimal). It is verified if it is there.
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

// Writes a temporary file, syncs and renames it (engine/files.h). Tensors stand in the given order; the data begins at
// a multiple of 64 bytes. The same input gives the same bytes. In metadata strings, U+FFFD replaces bytes that are not
// UTF-8. A name must be UTF-8.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                       const Metadata& metadata);

struct NamedShape {
  std::string name;
  Shape shape;
};

// The same for tensors that are not all in memory together: value(i) is called once for each, in order. Cannot write to
// a pipe.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedShape>& tensors,
                       const std::function<Tensor(std::size_t)>& value, const Metadata& metadata);

struct MappedTensor {
  Tensor value;                             // in mapped memory: must not be written
  std::shared_ptr<const MappedFile> owner;  // keeps that memory alive
};

// Reads by pread, so a file that becomes shorter is an error, not a SIGBUS. Every error begins with the path, and says
// what is wrong and what would be right.
class SafetensorsFile {
 public:
  struct Entry {
    std::string name;
    std::string dtype;                // F32; F16, BF16 and F64 are converted when read
    Shape shape;                      // a scalar [] in the file is [1] here; no axes if a Shape cannot hold it
    std::vector<std::uint64_t> axes;  // as in the file, any number of axes
    std::size_t begin = 0, end = 0;   // bytes, from the end of the header
  };

  // Checks the whole header: its length against the file's, the JSON, dtypes, shapes against offsets, that the offsets
  // cover the data without overlap or gap, and that no name occurs twice. Reads no data. A file may have tensors of
  // integers or of more than four axes; only reading such a tensor is an error.
  explicit SafetensorsFile(const std::filesystem::path& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::vector<Entry>& entries() const { return entries_; }  // in the order of their data
  const Metadata& metadata() const { return metadata_; }          // without "crc32"
  const Entry* find(const std::string& name) const;               // null if there is none

  // Throws if there is no such tensor, or if it has another shape. The message names both shapes.
  void require(const std::string& name, const Shape& shape) const;

  // Reads a tensor. Throws as `require` does, and if the CRC is wrong.
  void read(const std::string& name, Tensor into) const;

  // Maps a tensor into memory. A page is read when it is touched, and the checksum is not verified. Returns nothing if
  // the tensor cannot be used in place: it must be F32 and begin at a multiple of 4 bytes. Throws as `require` does.
  std::optional<MappedTensor> map(const std::string& name, const Shape& shape) const;

  // Reads everything and verifies the checksums. Returns the number of tensors that have one.
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
  std::map<std::string, std::size_t> index_;  // from a name to its index in entries_
  Metadata metadata_;
  std::map<std::string, std::uint32_t> checksums_;
  mutable std::shared_ptr<const MappedFile> mapped_;  // null until `map` is called
};

}  // namespace mvmoe
