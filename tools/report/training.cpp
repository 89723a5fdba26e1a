#include "tools/report/training.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"

namespace mvmoe::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::map<std::string, std::string> read_configuration(const fs::path& file) {
  const Json json = read_json(file, 1 << 20);
  if (!json.is_object()) fail(printable(file.string()), ": must be a JSON object of flags and their values");
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : json.items())
    out[name] =
        value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return out;
}

std::vector<std::string> cells_of(std::string line) {
  if (line.ends_with('\r')) line.pop_back();
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == ',') cells.emplace_back();
    else cells.back() += c;
  }
  return cells;
}

std::vector<std::map<std::string, double>> read_log(const fs::path& file) {
  const std::string shown = printable(file.string());
  const auto bytes = read_file(file, 64 << 20);
  std::istringstream lines(std::string(bytes.begin(), bytes.end()));
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> columns = cells_of(line);
  for (const char* needed : {"epoch", "train_loss", "test_top1"})
    if (std::find(columns.begin(), columns.end(), needed) == columns.end())
      fail(shown, ": its first line names no column ", needed);
  std::vector<std::map<std::string, double>> rows;
  for (int number = 2; std::getline(lines, line); ++number) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.size() != columns.size())
      fail(shown, ": line ", number, " has ", cells.size(), " cells, must have ", columns.size());
    std::map<std::string, double> row;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].empty()) continue;
      double value = 0;
      const auto parsed = std::from_chars(cells[i].data(), cells[i].data() + cells[i].size(), value);
      if (parsed.ec != std::errc{} || parsed.ptr != cells[i].data() + cells[i].size() || !std::isfinite(value))
        fail(shown, ": line ", number, ", ", columns[i], ": '", printable(cells[i]), "' is not a finite number");
      row[columns[i]] = value;
    }
    const double before = rows.empty() ? 0 : rows.back().at("epoch");
    if (!row.contains("epoch") || !(row["epoch"] > before))
      fail(shown, ": line ", number, ": its epoch must be above ", before);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

Training read_training(const fs::path& folder, const std::string& name) {
  return {.name = name,
          .configuration = read_configuration(folder / "config.json"),
          .epochs = read_log(folder / "log.csv")};
}

std::optional<double> last_value(const Training& training, const std::string& column) {
  for (auto row = training.epochs.rbegin(); row != training.epochs.rend(); ++row)
    if (row->contains(column)) return row->at(column);
  return {};
}

std::vector<Point> values_of(const Training& training, const std::string& column) {
  std::vector<Point> out;
  for (const auto& row : training.epochs)
    if (row.contains(column)) out.push_back({row.at("epoch"), row.at(column)});
  return out;
}

}  // namespace mvmoe::report
