// tools/study/results.h: what a study has found so far: a row a variant, with means over the seeds and their errors.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "tools/study/record.h"

namespace mvmoe::study {

// Of several seeds. The error is the standard error of the mean, s / sqrt(n) with s over n - 1; none below two values.
struct Estimate {
  int n = 0;
  double mean = 0;
  std::optional<double> error;
};
Estimate estimate(const std::vector<double>& values);

// One run of a variant.
struct RunResult {
  const Run* run;
  std::optional<Record> record;           // empty: waiting
  bool blocked = false;                   // it needs a run that failed
  std::map<std::string, double> figures;  // of one that is done; a training's gain over the baseline among them

  bool done() const { return record && record->state == Record::State::done; }
  bool failed() const { return record && record->state == Record::State::failed; }
};

struct Row {
  const Variant* variant;
  std::vector<RunResult> runs;  // in the order of its seeds
  int done = 0, failed = 0, blocked = 0;
  Estimate dense_top1, moe_top1, router_accuracy, gain;
};

struct Results {
  std::vector<Row> rows;               // of the variants that are not hidden
  std::vector<RunResult> others;       // hidden ones, and shared trainings
  int runs = 0, done = 0, failed = 0;  // of all
};

// From what is in the study's folder. The gain of a pipeline is its own, over its dense network or its control; that of
// a training is its top-1 less that of the baseline's run with the same seed.
Results read_results(const Study& study, const std::vector<Run>& runs, const std::filesystem::path& folder);

std::string text_table(const Results& results);
std::string csv(const Results& results);
nlohmann::ordered_json to_json(const Row& row);
// {title, runs, done, failed, rows: each with its single runs}
nlohmann::ordered_json to_json(const Study& study, const Results& results);

}  // namespace mvmoe::study
