// tools/study/record.h: study-run.json in a run's folder: what the study began there, and what came of it.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/study/plan.h"
#include "train/run_folder.h"

namespace mvmoe::study {

struct Record {
  std::string command;
  FlagMap flags;  // as planned
  enum class State { begun, done, failed } state = State::begun;
  std::string error;                      // why it failed
  double seconds = 0;                     // that processes of the study worked on it
  std::map<std::string, double> figures;  // of one that is done, see figures_of; what is not defined is not there
};

// Empty where nothing was begun. Throws Error that names a damaged file.
std::optional<Record> read_record(const std::filesystem::path& run_folder);
void write_record(const std::filesystem::path& run_folder, const Record& record);

// What the run's own files say at its end. Of a pipeline: dense_top1, moe_top1, control_top1, oracle_top1,
// random_router_top1, router_accuracy, ari, gain, gain_error, and top1, which is moe_top1. Of a training: top1, top5,
// router_accuracy, and top1 again as dense_top1 or, with experts, as moe_top1.
std::map<std::string, double> figures_of(const Run& run, const std::filesystem::path& run_folder);

// How far one is that is not done, by what is in its folder: "stage moe, epoch 3 of 8"; empty where that does not say.
std::string place_of(const Run& run, const std::filesystem::path& run_folder);

// Throws UsageError that names the flag, if the run in its folder was begun with other flags than these. Those of
// `may_differ` say how a run is made, not which.
void require_same_run(const std::string& shown, const Run& run, const Record& record,
                      const std::filesystem::path& run_folder, const std::vector<std::string>& may_differ);

// The lock of a run's folder, which is made; empty: another process has it.
std::unique_ptr<FolderLock> claim(const std::filesystem::path& run_folder);

}  // namespace mvmoe::study
