// train/run_folder.h: locks a run's folder, so that one process at a time uses it, and finds out whether it holds a
// run.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"

namespace mvmoe {

// Thrown if another process holds the lock.
struct FolderInUse : Error {
  using Error::Error;
};

// Holds the lock file of the folder until it is destroyed. The file holds host and process id. It is the kernel's lock,
// so a killed process loses it. If another process holds the lock: throws FolderInUse that names folder, host and
// process. Creates missing folders; when destroyed, removes those that it created and that are still empty.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  static void remove_leftovers(const std::filesystem::path& folder);  // half-written files of a killed process
  struct MadeFolders {
    explicit MadeFolders(const std::filesystem::path& folder);
    ~MadeFolders();
    std::vector<std::filesystem::path> missing;  // innermost first
  };
  MadeFolders made_;  // the first member, so it is destroyed last, and also if the constructor throws
  std::filesystem::path path_;
  int file_ = -1;
};

// "host H, process P" of the process that holds the lock, if there is one. This call takes a shared lock for a moment.
// A process that asks for the lock in that moment is refused and should try again.
std::optional<std::string> holder_of(const std::filesystem::path& folder);

// Whether the folder holds a run: a config.json, a log or checkpoints.
bool holds_run(const std::filesystem::path& folder);

// Removes a run's files (and nothing else that is in the folder).
void remove_run(const std::filesystem::path& folder);

}  // namespace mvmoe
