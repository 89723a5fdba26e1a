#include "tools/study/results.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe::study {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// The figures that results.csv has, by its columns' names.
constexpr const char* columns[] = {
    "top1", "dense_top1", "moe_top1", "control_top1", "oracle_top1", "random_router_top1", "router_accuracy",
    "gain", "gain_error", "ari"};

std::string shortest(double value) {
  char buffer[64];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

std::string fixed(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

// "12.34 ± 0.56"; the error "-" below two seeds.
std::string shown(const Estimate& e, bool with_sign) {
  if (e.n == 0) return "-";
  return fixed(with_sign ? "%+.2f" : "%.2f", e.mean) + " +- " + (e.error ? fixed("%.2f", *e.error) : "-");
}

Estimate estimate_of(const Row& row, const char* figure) {
  std::vector<double> values;
  for (const RunResult& r : row.runs)
    if (r.figures.contains(figure)) values.push_back(r.figures.at(figure));
  return estimate(values);
}

const char* state_of(const RunResult& r) {
  return r.done() ? "done" : r.failed() ? "failed" : r.blocked ? "blocked" : "open";
}

std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void put(Json& json, const char* name, const Estimate& e, const char* error_name) {
  json[name] = e.n > 0 ? Json(e.mean) : Json(nullptr);
  json[error_name] = e.error ? Json(*e.error) : Json(nullptr);
}

}  // namespace

Estimate estimate(const std::vector<double>& values) {
  Estimate e{.n = static_cast<int>(values.size()), .mean = 0, .error = {}};
  if (values.empty()) return e;
  const double n = e.n;
  e.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  if (e.n < 2) return e;
  double squares = 0;
  for (const double value : values) squares += (value - e.mean) * (value - e.mean);
  e.error = std::sqrt(squares / (n - 1) / n);
  return e;
}

Results read_results(const Study& study, const std::vector<Run>& runs, const fs::path& folder) {
  Results results;
  std::map<std::pair<std::string, std::uint64_t>, RunResult> of_variant;
  std::vector<bool> lost;  // [runs]; what a run needs stands before it
  for (const Run& run : runs) {
    RunResult r{.run = &run, .record = read_record(folder / run.folder), .blocked = false, .figures = {}};
    r.blocked = !r.done() && !r.failed() &&
                std::any_of(run.needs.begin(), run.needs.end(), [&](std::size_t need) { return lost[need]; });
    lost.push_back(r.failed() || r.blocked);
    if (r.done()) r.figures = r.record->figures;
    ++results.runs, results.done += r.done(), results.failed += r.failed();
    if (run.variant.empty()) results.others.push_back(std::move(r));
    else of_variant[{run.variant, run.seed}] = std::move(r);
  }
  for (const Variant& v : study.variants) {
    const Variant* baseline = study.baseline.empty() || v.command != "train" ? nullptr : study.meant(study.baseline, v);
    Row row{.variant = &v,
            .runs = {},
            .done = 0,
            .failed = 0,
            .blocked = 0,
            .dense_top1 = {},
            .moe_top1 = {},
            .router_accuracy = {},
            .gain = {}};
    for (const std::uint64_t seed : v.seeds) {
      RunResult r = of_variant.at({v.name, seed});
      const auto other = baseline && baseline != &v ? of_variant.find({baseline->name, seed}) : of_variant.end();
      if (r.figures.contains("top1") && other != of_variant.end() && other->second.figures.contains("top1"))
        r.figures["gain"] = r.figures["top1"] - other->second.figures.at("top1");
      row.done += r.done(), row.failed += r.failed(), row.blocked += r.blocked;
      row.runs.push_back(std::move(r));
    }
    if (v.hidden) {
      std::move(row.runs.begin(), row.runs.end(), std::back_inserter(results.others));
      continue;
    }
    row.dense_top1 = estimate_of(row, "dense_top1"), row.moe_top1 = estimate_of(row, "moe_top1");
    row.router_accuracy = estimate_of(row, "router_accuracy"), row.gain = estimate_of(row, "gain");
    results.rows.push_back(std::move(row));
  }
  return results;
}

std::string text_table(const Results& results) {
  std::vector<std::vector<std::string>> lines{
      {"variant", "seeds", "dense top-1, %", "sparse top-1, %", "gain, points", "router, %"}};
  for (const Row& row : results.rows) {
    const std::string seeds =
        text(row.done, " of ", row.runs.size(), row.failed > 0 ? text(", ", row.failed, " failed") : "",
             row.blocked > 0 ? text(", ", row.blocked, " blocked") : "");
    lines.push_back({row.variant->name, seeds, shown(row.dense_top1, false), shown(row.moe_top1, false),
                     shown(row.gain, true), shown(row.router_accuracy, false)});
  }
  std::vector<std::size_t> widths(lines[0].size());
  for (const auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string out;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string room(widths[i] - line[i].size(), ' ');
      out += i == 0 ? line[i] + room : "  " + room + line[i];
    }
    out += "\n";
  }
  return out;
}

std::string csv(const Results& results) {
  std::string out = "variant,seed,state,command,x,series";
  for (const char* column : columns) out += std::string(",") + column;
  out += "\n";
  for (const Row& row : results.rows)
    for (const RunResult& r : row.runs) {
      out += csv_text(row.variant->name) + "," + std::to_string(r.run->seed) + "," + state_of(r) + "," +
             r.run->command + "," + (row.variant->x ? shortest(*row.variant->x) : "") + "," +
             csv_text(row.variant->series);
      for (const char* column : columns)
        out += "," + (r.figures.contains(column) ? shortest(r.figures.at(column)) : "");
      out += "\n";
    }
  return out;
}

Json to_json(const Row& row) {
  Json json{{"name", row.variant->name}, {"seeds", row.done}};
  put(json, "dense_top1", row.dense_top1, "dense_error");
  put(json, "moe_top1", row.moe_top1, "moe_error");
  put(json, "gain", row.gain, "gain_error");
  put(json, "router_accuracy", row.router_accuracy, "router_error");
  json["x"] = row.variant->x ? Json(*row.variant->x) : Json(nullptr);
  json["series"] = row.variant->series;
  json["failed"] = row.failed;
  return json;
}

Json to_json(const Study& study, const Results& results) {
  Json rows = Json::array();
  for (const Row& row : results.rows) {
    Json json = to_json(row);
    json["runs"] = Json::array();
    for (const RunResult& r : row.runs)
      json["runs"].push_back({{"seed", r.run->seed},
                              {"state", state_of(r)},
                              {"folder", r.run->folder},
                              {"error", r.failed() ? Json(r.record->error) : Json(nullptr)},
                              {"figures", r.figures}});
    rows.push_back(std::move(json));
  }
  return {{"title", study.title},
          {"runs", results.runs},
          {"done", results.done},
          {"failed", results.failed},
          {"rows", rows}};
}

}  // namespace mvmoe::study
