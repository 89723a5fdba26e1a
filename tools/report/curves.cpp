#include "tools/report/curves.h"

#include <algorithm>
#include <set>

#include "tools/report/html.h"

namespace mvmoe::report {
namespace {

struct Column {
  const char* name;  // in log.csv
  const char* title;
  int digits;
};

constexpr Column columns[] = {{"train_loss", "Training loss", 3},
                              {"test_top1", "Top-1 on the test set, percent", 1},
                              {"holdout_top1", "Top-1 on the held-out part, percent", 1},
                              {"ema_top1", "Top-1 of the averaged weights (EMA), percent", 1},
                              {"router_accuracy", "Router: the right super-class, percent", 1},
                              {"lr", "Learning rate", 0}};

// Empty where the training has no such flag.
std::string value_of(const Training& training, const std::string& flag) {
  const auto found = training.configuration.find(flag);
  return found == training.configuration.end() ? "" : found->second;
}

std::string shown_value(const std::string& value) {
  return value.empty() ? "<span class=\"none\">none</span>" : escaped(value);
}

// Several curves that would cover each other, as learning rates do.
bool all_equal(const std::vector<Curve>& curves) {
  const auto same = [](const Point& a, const Point& b) { return a.x == b.x && a.y == b.y; };
  for (const Curve& curve : curves)
    if (!std::equal(curve.points.begin(), curve.points.end(), curves[0].points.begin(), curves[0].points.end(), same))
      return false;
  return curves.size() > 1;
}

}  // namespace

void put_curves(std::string& page, const std::vector<Shown>& trainings) {
  std::vector<Curve> curves;
  bool any = false;
  for (const Shown& shown : trainings) {
    curves.push_back({.name = shown.training->name, .colour = shown.colour, .dashed = shown.dashed, .points = {}});
    any = any || !shown.training->epochs.empty();
  }
  if (!any) {
    put(page, "<p>No epoch is finished yet.</p>\n");
    return;
  }
  if (curves.size() > 1) put_legend(page, curves);
  put(page, "<div class=\"charts\">\n");
  for (const Column& column : columns) {
    for (std::size_t i = 0; i < trainings.size(); ++i)
      curves[i].points = values_of(*trainings[i].training, column.name);
    put_line_chart(
        page, column.title,
        all_equal(curves) ? std::vector<Curve>{{.name = "all", .colour = "c6", .points = curves[0].points}} : curves,
        column.digits);
  }
  put(page, "</div>\n");
}

void put_configuration(std::string& page, const std::vector<Shown>& trainings) {
  std::set<std::string> flags, differing;
  for (const Shown& shown : trainings)
    for (const auto& [flag, value] : shown.training->configuration) flags.insert(flag);
  for (const std::string& flag : flags)
    for (const Shown& shown : trainings)
      if (value_of(*shown.training, flag) != value_of(*trainings[0].training, flag)) differing.insert(flag);

  if (!differing.empty()) {
    put(page, "<div class=\"wide\"><table class=\"flags\"><thead><tr><th>flag</th>");
    for (const Shown& shown : trainings) put(page, "<th>", short_name(shown.training->name), "</th>");
    put(page, "</tr></thead><tbody>\n");
    for (const std::string& flag : differing) {
      put(page, "<tr><th><code>--", escaped(flag), "</code></th>");
      for (const Shown& shown : trainings) put(page, "<td>", shown_value(value_of(*shown.training, flag)), "</td>");
      put(page, "</tr>\n");
    }
    put(page, "</tbody></table></div>\n");
  }
  put(page, "<details", trainings.size() == 1 ? " open" : "", "><summary>",
      differing.empty() ? "All flags" : "Flags that are the same", "</summary>\n<dl class=\"flags\">\n");
  for (const std::string& flag : flags)
    if (!differing.contains(flag))
      put(page, "<div><dt>--", escaped(flag), "</dt><dd>", shown_value(value_of(*trainings[0].training, flag)),
          "</dd></div>\n");
  put(page, "</dl></details>\n");
}

}  // namespace mvmoe::report
