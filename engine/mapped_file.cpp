#include "engine/mapped_file.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "engine/error.h"

namespace mvmoe {

MappedFile::MappedFile(int file, std::size_t bytes, const std::string& shown) : bytes_(bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) fail(shown, ": cannot be mapped into memory: ", std::strerror(errno));
  madvise(memory, bytes, MADV_NOHUGEPAGE);  // a hint: otherwise touching one weight may read 2 MiB around it
  data_ = static_cast<const std::byte*>(memory);
}

MappedFile::~MappedFile() { munmap(const_cast<std::byte*>(data_), bytes_); }

}  // namespace mvmoe
