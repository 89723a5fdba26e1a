// engine/mapped_file.h: a file as memory. A page of it is read when it is touched. (If the file was just written and
// is in the cache in large pieces, Linux 6.18 maps up to 2 MiB around the page.)
//
// It is for files of which only a part is used. If somebody changes the file, the memory changes. If somebody makes it
// shorter, the process ends (SIGBUS). So only `mvmoe predict` maps files. Training, checkpoints, packs and the library
// read by pread.
#pragma once
#include <cstddef>
#include <string>

namespace mvmoe {

class MappedFile {
 public:
  // Maps the first `bytes` bytes of an open file, for reading. Errors begin with "SHOWN: ".
  MappedFile(int file, std::size_t bytes, const std::string& shown);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }

 private:
  const std::byte* data_;
  std::size_t bytes_;
};

}  // namespace mvmoe
