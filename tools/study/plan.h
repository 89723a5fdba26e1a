// tools/study/plan.h: the runs of a study: who needs whom, and which comes next.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/study/study_file.h"

namespace mvmoe::study {

struct Run {
  std::string variant;  // empty: of several, as a shared dense training is
  std::uint64_t seed = 0;
  std::string command;                  // pipeline or train
  FlagMap flags;                        // with the seed put in; {folder:runs/NAME/seed-S} is another run's folder
  std::string folder;                   // of it, in the study's: runs/NAME/seed-S
  std::vector<std::size_t> needs = {};  // runs that must be done before

  std::string shown() const;  // "NAME, seed S"
};

// A training that several runs share: its place in the study's folder, and its flags. The run that it is for gets what
// `use` says: a flag and its value.
struct Shared {
  std::string folder;
  FlagMap flags;
  std::string use_flag, use_value;
};

// All runs in the order in which they are best made: a seed at a time, so that an unfinished study compares all
// variants, and each run behind those that it needs. `share` may name a training that a run takes from others; those of
// one folder are one run. Throws UsageError for references to what is not there, and for circles of them.
std::vector<Run> plan_runs(const std::string& shown, const Study& study,
                           const std::function<std::optional<Shared>(const Run&)>& share);

// The value with each {folder:F} replaced by F inside of the study's folder.
std::string with_folders(const std::string& value, const std::string& study_folder);

enum class Status { open, done, failed, busy };  // busy: another process has it

struct Choice {
  std::optional<std::size_t> run;
  bool waits = false;  // none is to be taken now, but a run that is open needs one that is busy
};

// The first run, from number `start` on and around, that is open and whose needs are done; or a need of it. `status`:
// of each run.
Choice choose(const std::vector<Run>& runs, const std::vector<Status>& status, std::size_t start);

// Where task `task` of `tasks` begins in a list of so many runs: tasks begin far apart.
std::size_t start_of(int task, int tasks, std::size_t runs);

}  // namespace mvmoe::study
