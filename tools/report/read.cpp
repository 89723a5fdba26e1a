#include "tools/report/read.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
constexpr std::size_t largest_file = std::size_t{256} << 20;

// RFC 4180: cells between commas, quoted where they hold a comma, a quote (doubled) or a line's end.
std::vector<std::vector<std::string>> parse_csv(const std::string& bytes, const std::string& shown) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < bytes.size();) {
    std::vector<std::string> row;
    for (bool more = true; more;) {
      std::string cell;
      if (i < bytes.size() && bytes[i] == '"') {
        for (++i;; ++i) {
          if (i >= bytes.size()) fail(shown, ": line ", rows.size() + 1, " ends within quotes");
          if (bytes[i] == '"' && (i + 1 >= bytes.size() || bytes[i + 1] != '"')) break;
          if (bytes[i] == '"') ++i;
          cell += bytes[i];
        }
        ++i;
      } else {
        while (i < bytes.size() && bytes[i] != ',' && bytes[i] != '\n' && bytes[i] != '\r') cell += bytes[i++];
      }
      row.push_back(std::move(cell));
      more = i < bytes.size() && bytes[i] == ',';
      if (more) ++i;
    }
    if (i < bytes.size() && bytes[i] == '\r') ++i;
    if (i < bytes.size() && bytes[i] != '\n') fail(shown, ": row ", rows.size() + 1, ": a comma or the line's end must follow a quoted cell");
    ++i;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

ConfusionFile read_confusion(const fs::path& file) {
  const std::string shown = printable(file.string());
  const auto bytes = read_file(file, largest_file);
  const auto rows = parse_csv({bytes.begin(), bytes.end()}, shown);
  if (rows.size() < 2 || rows[0].size() < 2) fail(shown, ": must hold a header and rows of class names and numbers");
  const std::size_t classes = rows.size() - 1;
  ConfusionFile out;
  out.classes.assign(rows[0].begin() + 1, rows[0].end());
  if (out.classes.size() != classes) fail(shown, ": has ", out.classes.size(), " columns and ", classes, " rows, must have as many rows as columns");
  out.counts = {.rows = static_cast<int>(classes), .columns = static_cast<int>(classes), .values = {}};
  for (std::size_t r = 0; r < classes; ++r) {
    const auto& row = rows[r + 1];
    if (row.size() != classes + 1) fail(shown, ": row ", r + 2, " has ", row.size(), " cells, must have ", classes + 1);
    if (row[0] != out.classes[r]) fail(shown, ": row ", r + 2, " is ", printable(row[0]), ", column ", r + 2, " is ", printable(out.classes[r]), ": must be the same class");
    for (std::size_t c = 0; c < classes; ++c) {
      const std::string& cell = row[c + 1];
      double value = 0;
      const auto parsed = std::from_chars(cell.data(), cell.data() + cell.size(), value);
      if (parsed.ec != std::errc{} || parsed.ptr != cell.data() + cell.size() || !std::isfinite(value) || value < 0)
        fail(shown, ": row ", r + 2, ", column ", c + 2, ": '", printable(cell), "' is not a finite number from 0");
      out.counts.values.push_back(value);
    }
  }
  return out;
}

DivisionFile read_division(const fs::path& file) {
  const std::string shown = printable(file.string());
  const auto bytes = read_file(file, largest_file);
  const Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (json.is_discarded()) fail(shown, ": is not JSON");
  try {
    DivisionFile out;
    out.superclasses = json.at("superclasses").get<std::vector<std::vector<std::string>>>();
    if (json.contains("eigenvalues") && !json["eigenvalues"].is_null()) out.eigenvalues = json["eigenvalues"].get<std::vector<double>>();
    if (json.contains("method")) out.method = json["method"].get<std::string>();
    return out;
  } catch (const Json::exception&) {
    fail(shown, ": must be an object with \"superclasses\", a list of lists of class names, and perhaps \"eigenvalues\" and \"method\"");
  }
}

}  // namespace mvmoe::report
