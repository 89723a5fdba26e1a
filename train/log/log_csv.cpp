#include "train/log/log_csv.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string>

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe {
namespace {

constexpr const char* header =
    "epoch,steps,lr,train_loss,test_top1,test_top5,test_loss,holdout_top1,ema_top1,router_accuracy,images_per_s,"
    "seconds,"
    "guidance_loss,balance_loss,z_loss,distillation_loss\n";

std::string contents(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return header;
  const auto bytes = read_file(file);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

void append_row(const std::filesystem::path& file, const EpochRow& row) {
  const auto optional = [](const std::optional<double>& value) { return value ? text(',', *value) : ","; };
  std::string line = text(row.epoch, ',', row.steps, ',', row.learning_rate, ',', row.train_loss);
  for (const auto& value :
       {row.test_top1, row.test_top5, row.test_loss, row.holdout_top1, row.ema_top1, row.router_accuracy})
    line += optional(value);
  line += text(',', row.images_per_s, ',', row.seconds);
  for (const auto& value : {row.guidance_loss, row.balance_loss, row.z_loss, row.distillation_loss})
    line += optional(value);
  write_file(file, contents(file) + line + '\n');
}

void drop_rows_after(const std::filesystem::path& file, std::uint64_t steps) {
  if (!std::filesystem::exists(file)) return;
  std::istringstream lines(contents(file));
  std::string kept = header, line;
  const auto commas = [](const std::string& row) { return std::count(row.begin(), row.end(), ','); };
  const auto columns = commas(kept);
  const std::string columns_now = kept;
  auto written = columns;  // the columns of the version that wrote the file
  while (std::getline(lines, line)) {
    if (line.ends_with('\r')) line.pop_back();
    if (columns_now.starts_with(line + ",")) written = commas(line);  // an older version's header
    const std::size_t comma = line.find(',');
    std::uint64_t row_steps = 0;
    const bool row = commas(line) == written &&
                     std::from_chars(line.data() + comma + 1, line.data() + line.size(), row_steps).ec == std::errc{};
    if (row && row_steps <= steps)
      kept += line + std::string(static_cast<std::size_t>(columns - written), ',') +
              '\n';  // the header, or an incomplete row
  }
  write_file(file, kept);
}

}  // namespace mvmoe
