// train/run_folder.h: a run's folder belongs to one process at a time, and a run in it is never overwritten by accident.
#pragma once
#include <filesystem>

namespace mvmoe {

// Holds the folder's lock file (host and process id in it) until destroyed. The lock is the kernel's, so that of a
// killed process is gone with it. Throws Error that names folder, host and process if another one holds it.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);  // makes the folder where it is missing
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  static void remove_leftovers(const std::filesystem::path& folder);  // half-written files of a killed process
  std::filesystem::path path_;
  int file_ = -1;
};

// Whether the folder holds a run: a config.json, a log or checkpoints.
bool holds_run(const std::filesystem::path& folder);

// Removes a run's files (and nothing else that is in the folder).
void remove_run(const std::filesystem::path& folder);

}  // namespace mvmoe
