// engine/mapped_file.h: a file as memory: a page of it is read when it is touched, and not before. (Linux 6.18 maps up
// to 2 MiB around that at once, where a file just written lies in its cache in such pieces.)
//
// For what is used in part. Whoever changes the file changes what is read here, and whoever cuts it ends the process
// (SIGBUS): so training, checkpoints, packs and the library read by pread, and `mvmoe predict` alone maps.
#pragma once
#include <cstddef>
#include <string>

namespace mvmoe {

class MappedFile {
 public:
  // The first `bytes` of an open file, for reading. Throws "SHOWN: ...".
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
