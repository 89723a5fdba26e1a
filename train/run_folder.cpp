#include "train/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;
constexpr std::array run_files{"config.json", "log.csv", "checkpoints", "last.safetensors", "best.safetensors", "ema.safetensors"};

std::string contents_of(int file) {
  char text[300];
  const ssize_t n = pread(file, text, sizeof text, 0);
  std::string line(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  return line.substr(0, line.find('\n'));
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder) : path_(folder / "lock") {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("--out: ", printable(folder.string()), ": cannot be made: ", error.message());
  file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) fail("--out: ", printable(folder.string()), ": cannot be written: ", std::strerror(errno));
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = contents_of(file_);
    close(file_);
    fail("--out: ", printable(folder.string()), ": is in use by ", holder.empty() ? "another process" : printable(holder),
         "; wait for it, stop it, or choose another folder");
  }
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const std::string text = std::string("host ") + host + ", process " + std::to_string(getpid()) + "\n";
  if (ftruncate(file_, 0) != 0 || pwrite(file_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    const std::string reason = std::strerror(errno);
    close(file_);
    fail("--out: ", printable(folder.string()), ": the lock cannot be written: ", reason);
  }
}

FolderLock::~FolderLock() {
  std::error_code ignored;
  fs::remove(path_, ignored);
  close(file_);
}

bool holds_run(const fs::path& folder) {
  for (const char* name : run_files)
    if (fs::exists(folder / name)) return true;
  return false;
}

void remove_run(const fs::path& folder) {
  for (const char* name : run_files) {
    std::error_code error;
    fs::remove_all(folder / name, error);
    if (error) fail("--overwrite: ", printable((folder / name).string()), ": cannot be removed: ", error.message());
  }
}

}  // namespace mvmoe
