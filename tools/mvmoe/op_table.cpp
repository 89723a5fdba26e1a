#include "tools/mvmoe/op_table.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

namespace mvmoe {
namespace {

bool is(const Event& event, const char* name) { return std::strcmp(event.name, name) == 0; }

// The operand that is a weight of a matrix product, without axes where there is none.
Shape weight_of(const Event& event) {
  if (is(event, "linear") || is(event, "grouped_linear")) return event.operands[1];
  if (is(event, "patch_embed")) return event.operands[0];
  return {};
}

std::string row_name(const Event& event) {
  const Shape weight = weight_of(event);
  return weight.axes() == 0 ? event.name : std::string(event.name) + " " + weight.string();
}

// Of the forward. A weight [.., N, K] (patch_embed's [N, 3, P, P]) meets each number of the result K times.
double multiply_adds(const Event& event) {
  const double result = static_cast<double>(event.result.size());
  const Shape weight = weight_of(event);
  if (is(event, "patch_embed")) return result * static_cast<double>(weight.size()) / weight[0];
  if (weight.axes() > 0) return result * weight.back();
  if (is(event, "attention")) {  // Q K^T and P V: every query meets every token, twice
    const Shape& keys = event.operands[1].axes() > 0 ? event.operands[1] : event.operands[0];
    return 2 * result * keys[1];
  }
  return 0;
}

// Billions a second of what was done by all threads in the row's time; empty where there is neither a product nor a
// tensor.
std::string rate(const OpTime& time) {
  char text[32] = "";
  if (time.ms > 0 && time.work.multiply_adds > 0)
    std::snprintf(text, sizeof text, "%.0f GFLOP/s", 2 * time.work.multiply_adds / time.ms / 1e6);
  else if (time.ms > 0 && time.work.floats > 0)
    std::snprintf(text, sizeof text, "%.1f GB/s", 4 * time.work.floats / time.ms / 1e6);
  return text;
}

std::string number(const OpTime& time) {
  if (time.calls == 0) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", time.ms);
  return text;
}

}  // namespace

Work work_of(const Event& event) {
  double operands = 0;
  for (const Shape& shape : event.operands)
    if (shape.axes() > 0) operands += static_cast<double>(shape.size());
  const double result = event.result.axes() > 0 ? static_cast<double>(event.result.size()) : 0;
  if (event.phase == Phase::around) return {};
  if (event.phase == Phase::forward) return {multiply_adds(event), operands + result};
  return {(is(event, "patch_embed") ? 1 : 2) * multiply_adds(event),
          3 * operands + 2 * result};  // the images' gradient is never needed
}

std::vector<OpRow> op_rows(const std::vector<Timeline>& timelines, int steps) {
  std::map<std::string, OpRow> by_name;
  double all = 0;
  // Where threads do a lane together, the calling one alone has events, and its time is everybody's.
  const auto recorded = std::max<std::ptrdiff_t>(
      1, std::count_if(timelines.begin(), timelines.end(), [](const Timeline& t) { return !t.events().empty(); }));
  for (const Timeline& timeline : timelines)
    for (const Event& event : timeline.events()) {
      OpRow& row = by_name[row_name(event)];
      OpTime& time = event.phase == Phase::backward ? row.backward : row.forward;
      const double ms = static_cast<double>(event.end - event.start) / 1e6 / static_cast<double>(recorded) / steps;
      const Work work = work_of(event);
      ++time.calls;
      time.ms += ms;
      time.work.multiply_adds += work.multiply_adds / steps;
      time.work.floats += work.floats / steps;
      all += ms;
    }
  std::vector<OpRow> rows;
  for (auto& [name, row] : by_name) {
    row.name = name;
    row.share = (row.forward.ms + row.backward.ms) / all;
    rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const OpRow& a, const OpRow& b) { return a.share > b.share; });
  return rows;
}

void print_op_table(const std::vector<OpRow>& rows) {
  std::printf("%-32s %11s %13s %11s %13s %7s\n", "operation", "forward ms", "", "backward ms", "", "share");
  for (const OpRow& row : rows)
    std::printf("%-32s %11s %13s %11s %13s %6.1f%%\n", row.name.c_str(), number(row.forward).c_str(),
                rate(row.forward).c_str(), number(row.backward).c_str(), rate(row.backward).c_str(), 100 * row.share);
}

nlohmann::ordered_json op_table_json(const std::vector<OpRow>& rows) {
  nlohmann::ordered_json table = nlohmann::ordered_json::array();
  for (const OpRow& row : rows) {
    const auto one = [](const OpTime& time) -> nlohmann::ordered_json {
      if (time.calls == 0) return nullptr;
      const auto rate = [&](double amount) -> nlohmann::ordered_json {
        if (amount > 0 && time.ms > 0) return amount / time.ms / 1e6;
        return nullptr;
      };
      return {{"calls", time.calls},
              {"ms", time.ms},
              {"gflops", rate(2 * time.work.multiply_adds)},
              {"gb_per_s", rate(4 * time.work.floats)}};
    };
    table.push_back(
        {{"name", row.name}, {"share", row.share}, {"forward", one(row.forward)}, {"backward", one(row.backward)}});
  }
  return table;
}

}  // namespace mvmoe
