// tools/report/training_page.cpp: the page of plain training runs: final figures, curves, configuration.
#include <algorithm>

#include "tools/report/curves.h"
#include "tools/report/html.h"
#include "tools/report/pages.h"

namespace mvmoe::report {
namespace {

constexpr int colours = 7;  // c0 .. c6 of style.css

std::string flag_or(const Training& training, const char* flag, const char* otherwise) {
  const auto found = training.configuration.find(flag);
  return found == training.configuration.end() ? otherwise : found->second;
}

std::string hours_minutes_seconds(double seconds) {
  const auto s = static_cast<long long>(std::clamp(seconds, 0.0, 1e12) + 0.5);
  const auto two = [](long long n) { return (n < 10 ? "0" : "") + whole(n); };
  return s >= 3600 ? whole(s / 3600) + ":" + two(s / 60 % 60) + ":" + two(s % 60) : whole(s / 60) + ":" + two(s % 60);
}

void put_headline(std::string& page, const std::vector<Training>& trainings) {
  put(page, "<header>\n");
  if (trainings.size() > 1) {
    put(page, "<p class=\"kind\">mvmoe training runs</p>\n<h1>",
        counted(static_cast<double>(trainings.size()), "run", "runs"), " compared</h1>\n");
  } else {
    const Training& t = trainings[0];
    const std::optional<double> top1 = last_value(t, "test_top1");
    put(page, "<p class=\"kind\">mvmoe training run</p>\n<h1>",
        top1 ? number(*top1, 2) + "\xE2\x80\xAF% top-1" : "Nothing measured yet", "</h1>\n");
    put(page, "<p class=\"lead\">", escaped(flag_or(t, "model", "a model")), " on ",
        escaped(flag_or(t, "data", "its data")), ", ",
        counted(t.epochs.empty() ? 0 : t.epochs.back().at("epoch"), "epoch", "epochs"), " done of ",
        escaped(flag_or(t, "epochs", "?")), ". Measured on the test set, with the last weights.</p>\n");
  }
  put(page, "</header>\n");
}

struct Figure {
  const char* title;   // of its column
  const char* column;  // of log.csv
  std::string (*text)(double value);
};

constexpr Figure figures[] = {{"epochs", "epoch", grouped},
                              {"training loss", "train_loss", [](double v) { return number(v, 3); }},
                              {"top-1, %", "test_top1", [](double v) { return number(v, 2); }},
                              {"top-5, %", "test_top5", [](double v) { return number(v, 2); }},
                              {"held-out top-1, %", "holdout_top1", [](double v) { return number(v, 2); }},
                              {"EMA top-1, %", "ema_top1", [](double v) { return number(v, 2); }},
                              {"router, %", "router_accuracy", [](double v) { return number(v, 2); }},
                              {"images/s", "images_per_s", grouped},
                              {"time", "seconds", hours_minutes_seconds}};

// A row a run, a column for each figure that any of them has. On a phone each figure is a line, named by data-label.
void put_figures(std::string& page, const std::vector<Shown>& trainings) {
  std::vector<Figure> shown;
  for (const Figure& figure : figures)
    if (std::any_of(trainings.begin(), trainings.end(),
                    [&](const Shown& s) { return last_value(*s.training, figure.column).has_value(); }))
      shown.push_back(figure);
  put(page, "<div class=\"wide\"><table class=\"figures\"><thead><tr><th>run</th>");
  for (const Figure& figure : shown) put(page, "<th>", figure.title, "</th>");
  put(page, "</tr></thead><tbody>\n");
  for (const Shown& s : trainings) {
    put(page, "<tr><th>", trainings.size() > 1 ? "<span class=\"dot " + s.colour + "\"></span>" : "",
        short_name(s.training->name), "</th>");
    for (const Figure& figure : shown) {
      const std::optional<double> value = last_value(*s.training, figure.column);
      put(page, "<td data-label=\"", figure.title, "\">", value ? figure.text(*value) : "\xE2\x80\x93", "</td>");
    }
    put(page, "</tr>\n");
  }
  put(page, "</tbody></table></div>\n");
}

}  // namespace

std::string training_page(const std::vector<Training>& trainings) {
  std::vector<Shown> shown;
  for (const Training& training : trainings) {
    const auto index = static_cast<int>(shown.size());
    shown.push_back(
        {.training = &training, .colour = "c" + whole(index % colours), .dashed = index / colours % 2 == 1});
  }
  std::string page;
  put_headline(page, trainings);
  put(page, "<section id=\"figures\"><h2>Figures</h2>\n");
  put_figures(page, shown);
  put(page, "</section>\n<section id=\"curves\"><h2>Curves</h2>\n");
  put_curves(page, shown);
  put(page, "</section>\n<section id=\"configuration\"><h2>Configuration</h2>\n");
  put_configuration(page, shown);
  put(page, "</section>\n");
  return whole_page(trainings.size() == 1 ? "mvmoe: " + trainings[0].name
                                          : "mvmoe: " + whole(static_cast<long long>(trainings.size())) + " runs",
                    page);
}

}  // namespace mvmoe::report
