// train/run_folder.h: a run's folder belongs to one process at a time, and a run in it is never overwritten by
// accident.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"

namespace mvmoe {

// Thrown where another process holds the lock.
struct FolderInUse : Error {
  using Error::Error;
};

// Holds the folder's lock file (host and process id in it) until destroyed. The lock is the kernel's, so that of a
// killed process is gone with it. Throws FolderInUse that names folder, host and process if another one holds it. Makes
// the folder where it is missing; at the end, what it made and nobody has put anything into goes away again.
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
  MadeFolders made_;  // the first member: it goes last, and also where the lock cannot be had
  std::filesystem::path path_;
  int file_ = -1;
};

// Who holds the folder's lock ("host H, process P"), if anyone does. It takes the lock itself for a moment, shared: who
// comes for it in that moment is refused, and should try again.
std::optional<std::string> holder_of(const std::filesystem::path& folder);

// Whether the folder holds a run: a config.json, a log or checkpoints.
bool holds_run(const std::filesystem::path& folder);

// Removes a run's files (and nothing else that is in the folder).
void remove_run(const std::filesystem::path& folder);

}  // namespace mvmoe
