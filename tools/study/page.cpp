#include "tools/study/page.h"

#include <algorithm>
#include <functional>
#include <set>

#include "tools/report/charts.h"
#include "tools/report/html.h"

namespace mvmoe::study {
namespace {

namespace fs = std::filesystem;
using report::counted, report::escaped, report::number, report::put, report::short_name, report::signed_number,
    report::whole;

constexpr const char *dense_colour = "c0", *moe_colour = "c1";

// Of one of several series: c1 .. c6 of style.css.
std::string colour_of(std::size_t series) { return "c" + whole(1 + static_cast<long long>(series) % 6); }

void put_headline(std::string& page, const Study& study, const Results& results) {
  put(page, "<header>\n<p class=\"kind\">mvmoe study</p>\n<h1>", escaped(study.title), "</h1>\n<p class=\"lead\">",
      whole(results.done), " of ", counted(results.runs, "run", "runs"), " done",
      results.failed > 0 ? ", " + whole(results.failed) + " failed" : "",
      results.done < results.runs ? ": what follows is of those" : "", ".</p>\n</header>\n");
}

// Where a variant stands on the plots' axis.
struct Axis {
  report::MeasuredAxis axis;
  std::vector<double> x;            // of each row
  std::vector<std::string> series;  // in the order of the file
};

Axis axis_of(const Study& study, const Results& results) {
  Axis a{.axis = {.title = study.plot.label, .log = study.plot.log}, .x = {}, .series = {}};
  const bool numbers =
      std::all_of(results.rows.begin(), results.rows.end(), [](const Row& row) { return row.variant->x.has_value(); });
  for (const Row& row : results.rows) {
    const Variant& v = *row.variant;
    if (std::find(a.series.begin(), a.series.end(), v.series) == a.series.end()) a.series.push_back(v.series);
    if (numbers) {
      a.x.push_back(*v.x);
      continue;
    }
    const auto place = std::find(a.axis.names.begin(), a.axis.names.end(), v.x_name);
    a.x.push_back(static_cast<double>(place - a.axis.names.begin()));
    if (place == a.axis.names.end()) a.axis.names.push_back(v.x_name);
  }
  return a;
}

using Figure = Estimate Row::*;

// The rows of one series, by one figure.
report::MeasuredSeries measured(const Results& results, const Axis& axis, const std::string& series, Figure figure,
                                const char* name) {
  report::MeasuredSeries out{.name = series, .colour = {}, .points = {}};
  for (std::size_t i = 0; i < results.rows.size(); ++i) {
    const Row& row = results.rows[i];
    const Estimate& e = row.*figure;
    if (row.variant->series != series || e.n == 0) continue;
    report::Measured p{.x = axis.x[i], .mean = e.mean, .error = e.error, .name = row.variant->name, .single = {}};
    for (const RunResult& r : row.runs)
      if (e.n > 1 && r.figures.contains(name))
        p.single.push_back({"seed " + std::to_string(r.run->seed), r.figures.at(name)});
    out.points.push_back(std::move(p));
  }
  std::stable_sort(out.points.begin(), out.points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
  return out;
}

void put_plots(std::string& page, const Study& study, const Results& results) {
  const Axis axis = axis_of(study, results);
  const bool several = axis.series.size() > 1;
  const auto all_series = [&](Figure figure, const char* name, const char* only_colour) {
    std::vector<report::MeasuredSeries> all;
    for (std::size_t i = 0; i < axis.series.size(); ++i) {
      all.push_back(measured(results, axis, axis.series[i], figure, name));
      all.back().colour = several ? colour_of(i) : only_colour;
    }
    return all;
  };
  std::vector<report::MeasuredSeries> top1 = all_series(&Row::moe_top1, "moe_top1", moe_colour),
                                      dense = all_series(&Row::dense_top1, "dense_top1", dense_colour);
  const bool has_dense = std::any_of(dense.begin(), dense.end(), [](const auto& s) { return !s.points.empty(); });
  const bool has_moe = std::any_of(top1.begin(), top1.end(), [](const auto& s) { return !s.points.empty(); });
  for (report::MeasuredSeries& series : dense) series.dashed = several && has_moe;
  top1.insert(top1.end(), dense.begin(), dense.end());

  page += "<section id=\"plots\"><h2>Plots</h2>\n";
  std::vector<report::Curve> legend;
  if (several)
    for (std::size_t i = 0; i < axis.series.size(); ++i)
      legend.push_back({.name = axis.series[i], .colour = colour_of(i), .dashed = false, .points = {}});
  else if (has_dense && has_moe)
    legend = {{.name = "experts", .colour = moe_colour, .dashed = false, .points = {}},
              {.name = "dense", .colour = dense_colour, .dashed = false, .points = {}}};
  if (!legend.empty()) report::put_legend(page, legend);
  page += "<div class=\"charts\">\n";
  report::put_measured_chart(page,
                             study.baseline.empty() ? "Gain, points of top-1"
                                                    : "Gain over " + short_name(study.baseline) + ", points of top-1",
                             all_series(&Row::gain, "gain", moe_colour), axis.axis, 2, true);
  report::put_measured_chart(page,
                             several && has_dense && has_moe ? "Top-1 on the test set, percent; dense models dashed"
                                                             : "Top-1 on the test set, percent",
                             top1, axis.axis, 2, false);
  report::put_measured_chart(page, "Router: the right super-class, percent",
                             all_series(&Row::router_accuracy, "router_accuracy", moe_colour), axis.axis, 1, false);
  page +=
      "</div>\n<p class=\"note\">Points are means over the seeds, bars one standard error of the mean to each side, "
      "small points single seeds.</p></section>\n";
}

std::string shown(const Estimate& e, int digits, bool with_sign) {
  if (e.n == 0) return "\xE2\x80\x93";  // U+2013
  const std::string mean = with_sign ? signed_number(e.mean, digits) : number(e.mean, digits);
  return e.error ? mean + " <small>\xC2\xB1 " + number(*e.error, digits) + "</small>" : mean;
}

// A seed, with the way to its run's own page where there is one.
void put_seed(std::string& page, const RunResult& r, const fs::path& folder) {
  const std::string seed = std::to_string(r.run->seed);
  std::error_code ignored;
  if (r.done() && fs::exists(folder / r.run->folder / "report.html", ignored))
    put(page, " <a href=\"", escaped(r.run->folder), "/report.html\">", seed, "</a>");
  else if (r.done()) put(page, " ", seed);
  else put(page, " <span class=\"none\">", seed, r.failed() ? " failed" : r.blocked ? " blocked" : " open", "</span>");
}

void put_table(std::string& page, const Study& study, const Results& results, const fs::path& folder) {
  const auto any = [&](Figure figure) {
    return std::any_of(results.rows.begin(), results.rows.end(), [&](const Row& row) { return (row.*figure).n > 0; });
  };
  struct Column {
    const char* title;
    Figure figure;
    int digits;
    bool with_sign;
  };
  std::vector<Column> columns;
  for (const Column& column :
       {Column{"dense, top-1 %", &Row::dense_top1, 2, false}, Column{"experts, top-1 %", &Row::moe_top1, 2, false},
        Column{"gain, points", &Row::gain, 2, true}, Column{"router, %", &Row::router_accuracy, 1, false}})
    if (any(column.figure)) columns.push_back(column);
  page +=
      "<section id=\"table\"><h2>Table</h2>\n<div class=\"wide\"><table class=\"figures\"><thead><tr><th>variant</th>";
  for (const Column& column : columns) put(page, "<th>", column.title, "</th>");
  page += "<th class=\"seeds\">seeds</th></tr></thead><tbody>\n";
  for (const Row& row : results.rows) {
    put(page, "<tr><th>", short_name(row.variant->name, 48), "</th>");
    for (const Column& column : columns)
      put(page, "<td data-label=\"", column.title, "\"><span>",
          shown(row.*column.figure, column.digits, column.with_sign), "</span></td>");
    page += "<td class=\"seeds\" data-label=\"seeds\"><span>";
    for (const RunResult& r : row.runs) put_seed(page, r, folder);
    page += "</span></td></tr>\n";
  }
  put(page, "</tbody></table></div>\n<p class=\"note\">Last weights, test set. The gain is the mean over seeds of ",
      study.baseline.empty() ? "each pair's difference: the experts, and the dense model of the same seed"
                             : "the difference to " + short_name(study.baseline) + " with the same seed",
      "; \xC2\xB1 is one standard error of a mean, s/\xE2\x88\x9An. A seed leads to its run's own "
      "page.</p></section>\n");
}

void put_failures(std::string& page, const Results& results) {
  std::string list;
  const auto add = [&](const RunResult& r) {
    if (r.failed()) put(list, "<li>", escaped(r.run->shown()), ": ", escaped(r.record->error), "</li>\n");
  };
  for (const Row& row : results.rows)
    for (const RunResult& r : row.runs) add(r);
  for (const RunResult& r : results.others) add(r);
  if (!list.empty()) put(page, "<section id=\"failed\"><h2>Failed</h2>\n<ul>\n", list, "</ul></section>\n");
}

// First the flags in which variants differ, then those that all have.
void put_flags(std::string& page, const Study& study) {
  std::set<std::string> names, differing;
  for (const Variant& v : study.variants)
    for (const auto& [name, value] : v.flags) names.insert(name);
  const auto value_of = [](const Variant& v, const std::string& name) {
    const auto found = v.flags.find(name);
    return found == v.flags.end() ? std::string() : found->second;
  };
  for (const std::string& name : names)
    for (const Variant& v : study.variants)
      if (value_of(v, name) != value_of(study.variants[0], name)) differing.insert(name);
  page += "<section id=\"flags\"><h2>Flags</h2>\n";
  if (!differing.empty()) {
    page += "<div class=\"wide\"><table class=\"flags\"><thead><tr><th>variant</th>";
    for (const std::string& name : differing) put(page, "<th><code>--", escaped(name), "</code></th>");
    page += "</tr></thead><tbody>\n";
    for (const Variant& v : study.variants) {
      put(page, "<tr><th>", short_name(v.name, 48), v.hidden ? " <small>(no row)</small>" : "", "</th>");
      for (const std::string& name : differing) {
        const std::string value = value_of(v, name);
        put(page, "<td>", value.empty() ? "<span class=\"none\">\xE2\x80\x93</span>" : escaped(value), "</td>");
      }
      page += "</tr>\n";
    }
    page += "</tbody></table></div>\n";
  }
  put(page, "<details open><summary>Flags that all have</summary>\n<dl class=\"flags\">\n");
  for (const std::string& name : names)
    if (!differing.contains(name))
      put(page, "<div><dt>--", escaped(name), "</dt><dd>", escaped(value_of(study.variants[0], name)), "</dd></div>\n");
  page += "</dl></details></section>\n";
}

}  // namespace

std::string page_of(const Study& study, const Results& results, const fs::path& folder) {
  std::string page;
  put_headline(page, study, results);
  put_plots(page, study, results);
  put_table(page, study, results, folder);
  put_failures(page, results);
  put_flags(page, study);
  return report::whole_page("mvmoe: " + study.title, page);
}

}  // namespace mvmoe::study
