// tools/report/training.h: one training's folder as the report reads it: the flags it was given and its log.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/report/charts.h"

namespace mvmoe::report {

struct Training {
  std::string name;                                  // what the page calls it
  std::map<std::string, std::string> configuration;  // config.json: flags and their values
  std::vector<std::map<std::string, double>>
      epochs;  // log.csv: a row an epoch, by column name; what was not measured is not there
};

// Throws Error that names the file if config.json or log.csv is missing or damaged.
Training read_training(const std::filesystem::path& folder, const std::string& name);

// The last epoch's value of a column that has one.
std::optional<double> last_value(const Training& training, const std::string& column);

// The column over the epochs.
std::vector<Point> values_of(const Training& training, const std::string& column);

}  // namespace mvmoe::report
