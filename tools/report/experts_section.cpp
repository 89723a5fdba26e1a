// tools/report/experts_section.cpp: what the experts do: their load, their classes, and what reached the wrong one.
#include <algorithm>
#include <numeric>

#include "tools/report/html.h"
#include "tools/report/sections.h"

namespace mvmoe::report {
namespace {

// Of the images an expert got, the classes with the most: "apple 31 %, pear 22 %".
std::string top_classes(const Pipeline& p, int expert) {
  constexpr std::size_t most = 4;
  const Matrix& m = p.comparison.expert_of_class;
  std::vector<int> classes(static_cast<std::size_t>(m.rows));
  std::iota(classes.begin(), classes.end(), 0);
  std::stable_sort(classes.begin(), classes.end(), [&](int a, int b) { return m.at(a, expert) > m.at(b, expert); });
  double all = 0;
  for (const int c : classes) all += m.at(c, expert);
  std::string out;
  for (std::size_t i = 0; i < std::min(classes.size(), most) && m.at(classes[i], expert) > 0; ++i)
    put(out, "<li>", short_name(p.class_name(classes[i]), 20), " <small>",
        number(100 * m.at(classes[i], expert) / all, 0), percent, "</small></li>");
  return out.empty() ? "<li class=\"none\">no image</li>" : out;
}

void put_load_table(std::string& page, const Pipeline& p) {
  const std::vector<double>& load = p.comparison.expert_load;
  const double highest = std::max(1e-9, *std::max_element(load.begin(), load.end()));
  double longest = highest;
  for (int e = 0; e < p.comparison.experts; ++e) longest = std::max(longest, p.guided() ? 100 * p.image_share(e) : 0);
  const bool counted_classes = p.comparison.expert_of_class.rows > 0;
  put(page, "<table class=\"load experts\"><thead><tr><th>expert</th><th>load</th><th class=\"bars\"></th>",
      counted_classes ? "<th class=\"list\">most of its images</th>" : "", "</tr></thead><tbody>\n");
  for (int e = 0; e < std::min(p.comparison.experts, static_cast<int>(most_listed)); ++e) {
    const double share = load[static_cast<std::size_t>(e)], expected = p.guided() ? 100 * p.image_share(e) : -1;
    put(page, "<tr><th>", whole(e), "</th><td>", number(share, 1), percent, "</td><td class=\"bars\">");
    put_bar(page, share / longest, "c1", expected < 0 ? -1 : expected / longest);
    put(page, "</td>");
    if (counted_classes) put(page, "<td class=\"list\"><ul class=\"names\">", top_classes(p, e), "</ul></td>");
    put(page, "</tr>\n");
  }
  put(page, "</tbody></table>\n");
  put_how_many_more(page, load.size());
  if (counted_classes && p.guided())
    put(page,
        "<p class=\"note\">The thin line is the load with a perfect router: the share of the test images that belong "
        "to the expert's super-class.</p>\n");
}

// A row for each expert, outlined where its own super-class's columns are; experts without one, or that were given
// none, have the number only.
std::vector<Block> home_blocks(const Pipeline& p) {
  std::vector<Block> blocks;
  int first = 0;
  for (int e = 0; e < p.comparison.experts; ++e) {
    const int size = p.guided() ? static_cast<int>(p.members[static_cast<std::size_t>(e)].size()) : 0;
    blocks.push_back({.row = e, .column = first, .rows = 1, .columns = size, .label = whole(e)});
    first += size;
  }
  return blocks;
}

// Experts by classes, each class's images in percent.
void put_heat_map(std::string& page, const Pipeline& p) {
  const Matrix& counts = p.comparison.expert_of_class;  // [C, E]
  Matrix shares(counts.columns, counts.rows);
  for (int column = 0; column < shares.columns; ++column) {
    const int c = p.order[static_cast<std::size_t>(column)];
    double all = 0;
    for (int e = 0; e < shares.rows; ++e) all += counts.at(c, e);
    for (int e = 0; e < shares.rows && all > 0; ++e) shares.at(e, column) = 100 * counts.at(c, e) / all;
  }
  put(page, "<h3>Which expert each class goes to</h3>\n<figure class=\"heat\">");
  put_matrix(page, {.id = "expert-cells",
                    .title = "Share of each class's images that each expert gets",
                    .colour = "c1",
                    .matrix = shares,
                    .blocks = home_blocks(p),
                    .cell_height = std::clamp(320.0 / shares.rows, 1.0, 26.0),
                    .highest = 100,
                    .row_names = {},
                    .cell_title = [&](int e, int column) {
                      return short_name(p.class_name(p.order[static_cast<std::size_t>(column)])) + ": " +
                             number(shares.at(e, column), 1) + percent + " to expert " + whole(e);
                    }});
  put_scale(page, "c1", 100);
  put(page, "<figcaption>A row is an expert, a column a class, in the order of the super-classes. ",
      p.guided() ? "Outlined: where a perfect router would send them. " : "",
      "Share of the class's test images.</figcaption></figure>\n");
}

}  // namespace

void put_experts(std::string& page, const Pipeline& p) {
  if (p.comparison.expert_load.empty() && p.comparison.expert_of_class.rows == 0) return;
  put(page, "<section id=\"experts\"><h2>What the experts do</h2>\n");
  if (!p.comparison.expert_load.empty()) put_load_table(page, p);
  if (p.comparison.expert_of_class.rows > 0) put_heat_map(page, p);
  put(page, "</section>\n");
}

void put_misrouted(std::string& page, const Pipeline& p) {
  constexpr std::size_t most = 24;
  if (p.comparison.misrouted.empty() || !p.guided()) return;
  put(page,
      "<section id=\"misrouted\"><h2>Sent to the wrong expert</h2>\n<p>The test images of which the router was surest, "
      "and wrong.</p>\n<div class=\"cards misrouted\">\n");
  for (std::size_t i = 0; i < std::min(most, p.comparison.misrouted.size()); ++i) {
    const Misrouted& m = p.comparison.misrouted[i];
    put(page, "<article class=\"card\">");
    if (p.images) put_image(page, p, m.index, m.true_class);
    put(page, "<div><h3>", short_name(p.class_name(m.true_class)), "</h3>\n<dl><div><dt>belongs to</dt><dd>",
        superclass_label(p, p.superclass_of(m.true_class)), "</dd></div><div><dt>went to</dt><dd>",
        superclass_label(p, m.expert), " <b>", number(100 * m.probability, 1), percent,
        "</b></dd></div><div><dt>taken for</dt><dd>",
        m.predicted == m.true_class ? "itself: right all the same" : short_name(p.class_name(m.predicted)),
        "</dd></div></dl></div></article>\n");
  }
  put(page, "</div></section>\n");
}

}  // namespace mvmoe::report
