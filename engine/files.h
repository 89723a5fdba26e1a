// engine/files.h: reading and writing whole files so that nothing a user had is ever lost.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mvmoe {

// A name as it may be printed on a terminal: control characters, marks that reorder text, and broken UTF-8 as \xNN; cut
// after 500 bytes.
std::string printable(std::string_view name);

// The whole file. Throws "PATH: ..." with the system's reason, or if it is larger than `limit` bytes.
std::vector<std::uint8_t> read_file(const std::filesystem::path& path, std::size_t limit = std::size_t{1} << 40);

// Text without the mark of UTF-8 (bytes EF BB BF) that Windows programs put in front.
std::string_view without_mark(std::string_view text);

// Writes beside the target, syncs, renames over it: the file is the old one or the new one, never half of either.
// Throws "PATH: ..." with the system's reason (a full disk, no rights) and leaves the old file as it was.
void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);
void write_file(const std::filesystem::path& path, std::string_view text);

// The same, piece by piece, for what should not stand in memory as a whole. Where the target is a device or a pipe
// there is nothing to rename over: it is written to directly.
class FileWriter {
 public:
  explicit FileWriter(const std::filesystem::path& target);
  ~FileWriter();  // without `finish` (an exception on the way) the temporary is removed
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::span<const std::uint8_t> bytes);
  void write_again(std::size_t at, std::span<const std::uint8_t> bytes);  // over what was written; a pipe is an error
  void finish();                                                          // syncs and renames

 private:
  [[noreturn]] void fail_with(int system_error);
  std::string shown_;                // the name as the user gave it, for errors
  std::filesystem::path target_;     // links followed
  std::filesystem::path temporary_;  // empty where the target is written to directly
  int file_ = -1;
};

// Makes a rename inside this folder survive a power cut.
void sync_folder(const std::filesystem::path& folder);

// zlib's; `before` is the CRC of the bytes before these, where they come in pieces.
std::uint32_t crc32_of(std::span<const std::uint8_t> bytes, std::uint32_t before = 0);

}  // namespace mvmoe
