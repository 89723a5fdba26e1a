// engine/files.h: reads and writes whole files, so that a failure never destroys a file that was there.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mvmoe {

// A name that is safe to print on a terminal: control characters, marks that reorder text, and broken UTF-8 become
// \xNN. Cut after 500 bytes.
std::string printable(std::string_view name);

// Returns the whole file. Throws "PATH: ..." with the system's reason, or if the file is larger than `limit` bytes.
std::vector<std::uint8_t> read_file(const std::filesystem::path& path, std::size_t limit = std::size_t{1} << 40);

// Text without the mark of UTF-8 (bytes EF BB BF) that Windows programs put in front.
std::string_view without_mark(std::string_view text);

// Writes a temporary file beside the target, syncs it, and renames it to the target. So the target is the old file or
// the new one, never a part of either. Throws "PATH: ..." with the system's reason (a full disk, no rights); the old
// file stays as it was.
void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);
void write_file(const std::filesystem::path& path, std::string_view text);

// The same, piece by piece, for contents that should not be in memory as a whole. A device or a pipe cannot be replaced
// by renaming: it is written directly.
class FileWriter {
 public:
  explicit FileWriter(const std::filesystem::path& target);
  ~FileWriter();  // if `finish` was not called (an exception), removes the temporary file
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::span<const std::uint8_t> bytes);
  void write_again(std::size_t at, std::span<const std::uint8_t> bytes);  // overwrites; not possible for a pipe
  void finish();                                                          // syncs and renames

 private:
  [[noreturn]] void fail_with(int system_error);
  std::string shown_;                // the name as the user gave it, for errors
  std::filesystem::path target_;     // symbolic links resolved
  std::filesystem::path temporary_;  // empty if the target is written directly
  int file_ = -1;
};

// Syncs a folder, so that a rename inside it survives a power cut.
void sync_folder(const std::filesystem::path& folder);

// zlib's CRC-32. For data in pieces, `before` is the CRC of the pieces before.
std::uint32_t crc32_of(std::span<const std::uint8_t> bytes, std::uint32_t before = 0);

}  // namespace mvmoe
