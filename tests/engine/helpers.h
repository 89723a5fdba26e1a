// tests/engine/helpers.h: a folder that goes away, and the whole message of what is thrown.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "engine/error.h"

namespace mvmoe {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "mvmoe-test-XXXXXX").string();
    if (!mkdtemp(name.data())) fail(name, ": cannot be made");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  std::string string() const { return path_.string(); }
  int entries() const {
    return static_cast<int>(
        std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator{}));
  }

 private:
  std::filesystem::path path_;
};

// The message of the Expected that `body` throws: exactly this type, so that a UsageError is not taken for an Error.
template <class Expected = Error, class Body>
std::string message_of(const Body& body) {
  try {
    body();
  } catch (const std::exception& e) {
    if (typeid(e) == typeid(Expected)) return e.what();
    return std::string("another type of exception: ") + e.what();
  }
  return "nothing was thrown";
}

// A file of a test, which need not survive a power cut: without the sync of write_file.
inline void put_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}
inline void put_file(const std::filesystem::path& path, std::string_view text) {
  put_file(path, std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

inline std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

}  // namespace mvmoe
