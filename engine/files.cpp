#include "engine/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/error.h"

namespace mvmoe {
namespace {

std::string reason(int system_error) { return std::strerror(system_error); }

// Length of the UTF-8 sequence at the start of `s`; 0 if there is no valid one. Overlong forms, surrogates and code
// points above U+10FFFF are not valid.
std::size_t utf8_length(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(s[i])); };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || s.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) > 0x9F) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

// True for characters that a terminal obeys instead of showing: C0 and C1 controls, and marks that break lines or
// reorder text.
bool is_control(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(sequence[i])); };
  if (sequence.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7F;
  if (sequence.size() == 2) return byte(0) == 0xC2 && byte(1) < 0xA0;
  if (sequence.size() != 3 || byte(0) != 0xE2) return false;
  return (byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE) ||
         (byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9);
}

}  // namespace

std::string printable(std::string_view name) {
  constexpr std::size_t longest = 500;
  std::string out;
  for (std::size_t i = 0; i < name.size();) {
    if (i >= longest) return out + "... (" + std::to_string(name.size()) + " bytes)";
    const std::size_t length = utf8_length(name.substr(i));
    const std::string_view sequence = name.substr(i, std::max<std::size_t>(length, 1));
    if (length > 0 && !is_control(sequence)) {
      out += sequence;
    } else {
      for (const char c : sequence) {
        const unsigned value = static_cast<unsigned char>(c);
        out += {'\\', 'x', "0123456789abcdef"[value >> 4], "0123456789abcdef"[value & 15]};
      }
    }
    i += sequence.size();
  }
  return out;
}

std::vector<std::uint8_t> read_file(const std::filesystem::path& path, std::size_t limit) {
  const std::string shown = printable(path.string());
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(shown, ": ", reason(errno));
  const auto fail_closed = [&](const auto&... parts) {
    close(file);
    fail(shown, ": ", parts...);
  };
  std::vector<std::uint8_t> bytes;
  struct stat status {};
  if (fstat(file, &status) != 0) fail_closed(reason(errno));
  if (S_ISREG(status.st_mode)) {
    if (static_cast<std::size_t>(status.st_size) > limit)
      fail_closed("has ", status.st_size, " bytes, must have at most ", limit);
    bytes.reserve(static_cast<std::size_t>(status.st_size) + 1);  // one byte more: reading it shows the end of the file
  }
  // The size is only a hint: a pipe has none, and a file may change while it is read.
  for (std::size_t used = 0;;) {
    bytes.resize(std::max(bytes.capacity(), used + (std::size_t{1} << 16)));
    const ssize_t got = read(file, bytes.data() + used, std::min(bytes.size() - used, std::size_t{1} << 30));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_closed(reason(errno));
    used += static_cast<std::size_t>(got);
    if (used > limit) fail_closed("has more than ", limit, " bytes");
    if (got > 0) continue;
    bytes.resize(used);
    close(file);
    return bytes;
  }
}

FileWriter::FileWriter(const std::filesystem::path& target) : shown_(printable(target.string())), target_(target) {
  // Renaming over a symbolic link would remove the link and leave the file that it points to as it was.
  std::error_code ignored;
  if (std::filesystem::is_symlink(target, ignored)) target_ = std::filesystem::weakly_canonical(target, ignored);
  if (target_.empty()) target_ = target;
  struct stat status {};
  const bool exists = stat(target_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) fail_with(EISDIR);
  if (exists && !S_ISREG(status.st_mode)) {
    file_ = open(target_.c_str(), O_WRONLY | O_CLOEXEC);
    if (file_ < 0) fail_with(errno);
    return;
  }
  static std::atomic<int> count{0};  // threads of one process may write at the same time
  const std::filesystem::path temporary = target_.parent_path() / text(".mvmoe-", getpid(), "-", count++, ".tmp");
  file_ = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file_ < 0) fail_with(errno);
  temporary_ = temporary;
  if (exists) fchmod(file_, status.st_mode & 07777);  // may fail: some file systems have no modes
}

FileWriter::~FileWriter() {
  if (file_ >= 0) close(file_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void FileWriter::fail_with(int system_error) {
  if (file_ >= 0) close(std::exchange(file_, -1));
  if (!temporary_.empty()) unlink(std::exchange(temporary_, {}).c_str());
  fail(shown_, ": ", reason(system_error));
}

void FileWriter::write(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(file_, bytes.data(), std::min(bytes.size(), std::size_t{1} << 30));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail_with(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
}

void FileWriter::write_again(std::size_t at, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail_with(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    at += static_cast<std::size_t>(put);
  }
}

void FileWriter::finish() {
  // Network file systems may report a full disk only now, at sync or at close.
  if (!temporary_.empty() && fsync(file_) != 0) fail_with(errno);
  if (close(std::exchange(file_, -1)) != 0) fail_with(errno);
  if (temporary_.empty()) return;
  if (rename(temporary_.c_str(), target_.c_str()) != 0) fail_with(errno);
  temporary_.clear();
  sync_folder(target_.parent_path());
}

void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  FileWriter file(path);
  file.write(bytes);
  file.finish();
}

std::string_view without_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  write_file(path, std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

void sync_folder(const std::filesystem::path& folder) {
  const std::filesystem::path name = folder.empty() ? "." : folder;
  const int file = open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) fail(printable(name.string()), ": ", reason(errno));
  const int system_error = fsync(file) == 0 ? 0 : errno;
  close(file);
  // Some file systems cannot sync a folder and return EINVAL. That is no error.
  if (system_error != 0 && system_error != EINVAL) fail(printable(name.string()), ": ", reason(system_error));
}

std::uint32_t crc32_of(std::span<const std::uint8_t> bytes, std::uint32_t before) {
  return static_cast<std::uint32_t>(crc32_z(before, bytes.data(), bytes.size()));
}

}  // namespace mvmoe
