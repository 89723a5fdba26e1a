// tools/report/confusion_section.cpp: the confusion matrix, ordered by super-class, and its largest entries.
#include <algorithm>

#include "tools/report/html.h"
#include "tools/report/sections.h"

namespace mvmoe::report {
namespace {

struct Confused {
  int from, to;  // true class, predicted class
  double share;  // of the true class, in percent
};

std::vector<Confused> most_confused(const Pipeline& p, std::size_t most) {
  std::vector<Confused> all;
  for (int t = 0; t < p.class_count(); ++t)
    for (int c = 0; c < p.class_count(); ++c)
      if (t != c && p.confusion.at(t, c) > 0) all.push_back({t, c, p.confusion.at(t, c)});
  std::stable_sort(all.begin(), all.end(), [](const Confused& a, const Confused& b) { return a.share > b.share; });
  all.resize(std::min(all.size(), most));
  return all;
}

// The share of all mistakes that fall within a super-class, in percent; and what it would be if each class's mistakes
// went to all others alike.
struct Within {
  double found = 0, by_chance = 0;
};

Within mistakes_within(const Pipeline& p) {
  double within = 0, chance = 0, all = 0;
  const int classes = p.class_count();
  for (int t = 0; t < classes; ++t) {
    double mistakes = 0;
    for (int c = 0; c < classes; ++c) {
      if (t == c) continue;
      mistakes += p.confusion.at(t, c);
      if (p.superclass_of(t) == p.superclass_of(c)) within += p.confusion.at(t, c);
    }
    all += mistakes;
    const auto fellows = static_cast<double>(p.members[static_cast<std::size_t>(p.superclass_of(t))].size() - 1);
    if (classes > 1) chance += mistakes * fellows / (classes - 1);
  }
  return all > 0 ? Within{100 * within / all, 100 * chance / all} : Within{};
}

// The super-classes along the diagonal.
std::vector<Block> superclass_blocks(const Pipeline& p) {
  std::vector<Block> blocks;
  int first = 0;
  for (std::size_t k = 0; k < p.members.size(); ++k) {
    const auto size = static_cast<int>(p.members[k].size());
    if (size > 0)
      blocks.push_back(
          {.row = first, .column = first, .rows = size, .columns = size, .label = whole(static_cast<long long>(k))});
    first += size;
  }
  return blocks;
}

}  // namespace

void put_confusion(std::string& page, const Pipeline& p) {
  put(page, "<section id=\"confusion\"><h2>What the dense model confuses</h2>\n");
  const std::vector<Confused> confused = most_confused(p, 12);
  if (confused.empty()) {
    put(page,
        "<p>Nothing: on the held-out part every class is told from every other, so there is no confusion to divide the "
        "classes by.</p></section>\n");
    return;
  }
  const Within within = mistakes_within(p);
  if (within.by_chance > 0 && within.by_chance < 100)
    put(page, "<p><b>", number(within.found, 0), percent,
        " of the mistakes stay within a super-class</b>; were mistakes spread evenly over all classes, it would be ",
        number(within.by_chance, 0), percent, ".</p>\n");
  put(page, "<div class=\"matrix-and-list\">\n<figure>");

  const int classes = p.class_count();
  Matrix ordered(classes, classes);
  std::vector<std::string> names;
  for (int r = 0; r < classes; ++r) {
    names.push_back(p.class_name(p.order[static_cast<std::size_t>(r)]));
    for (int c = 0; c < classes; ++c)
      ordered.at(r, c) =
          r == c ? 0 : p.confusion.at(p.order[static_cast<std::size_t>(r)], p.order[static_cast<std::size_t>(c)]);
  }
  put_matrix(page, {.id = "confusion-cells",
                    .title = "Confusion matrix, classes ordered by super-class",
                    .colour = "c0",
                    .matrix = ordered,
                    .blocks = superclass_blocks(p),
                    .highest = confused[0].share,
                    .row_names = names,
                    .cell_title = [&](int r, int c) {
                      return short_name(names[static_cast<std::size_t>(r)]) + " taken for " +
                             short_name(names[static_cast<std::size_t>(c)]) + ": " + number(ordered.at(r, c), 1) +
                             percent;
                    }});
  put_scale(page, "c0", confused[0].share);
  put(page,
      "<figcaption>A row is a true class, a column what it was taken for, both in the order of the super-classes, "
      "whose numbers stand on the left and whose blocks "
      "are outlined. Share of the row; the diagonal (what is right) is left out. Held-out part of the training "
      "set.</figcaption></figure>\n");

  put(page,
      "<div><h3>Most often confused</h3>\n<table class=\"pairs\"><thead><tr><th>true</th><th>taken "
      "for</th><th>share</th></tr></thead><tbody>\n");
  bool any_apart = false;
  for (const Confused& one : confused) {
    const bool together = p.superclass_of(one.from) == p.superclass_of(one.to);
    any_apart = any_apart || !together;
    put(page, "<tr><td>", short_name(p.class_name(one.from)), "</td><td>", short_name(p.class_name(one.to)),
        together ? "" : " <small>apart</small>", "</td><td>", number(one.share, 1), percent, "</td></tr>\n");
  }
  put(page, "</tbody></table>\n<p class=\"note\">",
      any_apart ? "Apart: the two are in different super-classes." : "Each pair is in one super-class.",
      "</p></div>\n</div></section>\n");
}

}  // namespace mvmoe::report
