#include "train/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "engine/error.h"
#include "engine/files.h"
#include "train/log/tensorboard.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;
constexpr std::array run_files{"config.json",      "log.csv",          "checkpoints",
                               "last.safetensors", "best.safetensors", "ema.safetensors"};

std::string contents_of(int file) {
  char text[300];
  const ssize_t n = pread(file, text, sizeof text, 0);
  std::string line(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  return line.substr(0, line.find('\n'));
}

// True if the path still names the open file. A lock on a removed file would keep no other process out.
bool is_still(const fs::path& path, int file) {
  struct stat named {
  }, opened{};
  return stat(path.c_str(), &named) == 0 && fstat(file, &opened) == 0 && named.st_ino == opened.st_ino &&
         named.st_dev == opened.st_dev;
}

}  // namespace

FolderLock::MadeFolders::MadeFolders(const fs::path& folder) {
  std::error_code error;
  for (fs::path p = folder; !p.empty() && !fs::exists(p, error) && !error; p = p.parent_path()) missing.push_back(p);
}

FolderLock::MadeFolders::~MadeFolders() {
  for (const fs::path& folder : missing) rmdir(folder.c_str());  // fails if the folder is not empty, as it should
}

FolderLock::FolderLock(const fs::path& folder) : made_(folder), path_(folder / "lock") {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("--out: ", printable(folder.string()), ": cannot be made: ", error.message());
  do {
    if (file_ >= 0) close(file_);  // its holder removed the file after we opened it and before we locked it
    file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) fail("--out: ", printable(folder.string()), ": cannot be written: ", std::strerror(errno));
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
      const int reason = errno;
      const std::string holder = contents_of(file_);
      close(file_);
      if (reason != EWOULDBLOCK)
        fail("--out: ", printable(folder.string()), ": cannot be locked: ", std::strerror(reason),
             " (does its file system know flock?)");
      throw FolderInUse(text("--out: ", printable(folder.string()), ": is in use by ",
                             holder.empty() ? "another process" : printable(holder),
                             "; wait for it, stop it, or choose another folder"));
    }
  } while (!is_still(path_, file_));
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const std::string text = std::string("host ") + host + ", process " + std::to_string(getpid()) + "\n";
  if (ftruncate(file_, 0) != 0 || pwrite(file_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    const std::string reason = std::strerror(errno);
    fs::remove(path_, error);
    close(file_);
    fail("--out: ", printable(folder.string()), ": the lock cannot be written: ", reason);
  }
  remove_leftovers(folder);
}

void FolderLock::remove_leftovers(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(".mvmoe-") && name.ends_with(".tmp")) fs::remove(entry.path(), ignored);
  }
}

FolderLock::~FolderLock() {
  std::error_code ignored;
  fs::remove(path_, ignored);
  close(file_);
}

std::optional<std::string> holder_of(const fs::path& folder) {
  const int file = open((folder / "lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::optional<std::string> holder;
  if (flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) holder = contents_of(file);
  if (holder && holder->empty()) holder = "another process";
  close(file);
  return holder;
}

bool holds_run(const fs::path& folder) {
  std::error_code ignored;  // if the folder cannot be read, locking it throws
  for (const char* name : run_files)
    if (fs::exists(folder / name, ignored)) return true;
  return false;
}

void remove_run(const fs::path& folder) {
  std::vector<std::string> names(run_files.begin(), run_files.end());
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().filename().string().starts_with(event_file_prefix))
      names.push_back(entry.path().filename().string());
  for (const std::string& name : names) {
    fs::remove_all(folder / name, error);
    if (error) fail("--overwrite: ", printable((folder / name).string()), ": cannot be removed: ", error.message());
  }
}

}  // namespace mvmoe
