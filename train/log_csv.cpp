#include "train/log_csv.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string>

#include "engine/files.h"

namespace mvmoe {
namespace {

constexpr const char* header =
    "epoch,steps,lr,train_loss,test_top1,test_top5,test_loss,holdout_top1,ema_top1,router_accuracy,images_per_s,seconds\n";

std::string contents(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return header;
  const auto bytes = read_file(file);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

void append_row(const std::filesystem::path& file, const EpochRow& row) {
  std::ostringstream line;
  line.precision(6);
  const auto optional = [&](const std::optional<double>& value) {
    line << ',';
    if (value) line << *value;
  };
  line << row.epoch << ',' << row.steps << ',' << row.learning_rate << ',' << row.train_loss;
  for (const auto& value : {row.test_top1, row.test_top5, row.test_loss, row.holdout_top1, row.ema_top1, row.router_accuracy}) optional(value);
  line << ',' << row.images_per_s << ',' << row.seconds << '\n';
  write_file(file, contents(file) + line.str());
}

void drop_rows_after(const std::filesystem::path& file, std::uint64_t steps) {
  if (!std::filesystem::exists(file)) return;
  std::istringstream lines(contents(file));
  std::string kept = header, line;
  const auto columns = std::count(kept.begin(), kept.end(), ',');
  while (std::getline(lines, line)) {
    if (line.ends_with('\r')) line.pop_back();
    const std::size_t comma = line.find(',');
    std::uint64_t row_steps = 0;
    const bool row = std::count(line.begin(), line.end(), ',') == columns &&
                     std::from_chars(line.data() + comma + 1, line.data() + line.size(), row_steps).ec == std::errc{};
    if (row && row_steps <= steps) kept += line + '\n';  // neither the header nor half a row is one
  }
  write_file(file, kept);
}

}  // namespace mvmoe
