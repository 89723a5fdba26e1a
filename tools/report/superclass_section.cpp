// tools/report/superclass_section.cpp: the division of the classes: its eigenvalues, and a card for each super-class.
#include <algorithm>

#include "tools/report/charts.h"
#include "tools/report/html.h"
#include "tools/report/png.h"
#include "tools/report/sections.h"

namespace mvmoe::report {
namespace {

// Example images may take about 600 kB of the page, whatever the number of super-classes.
std::size_t images_a_superclass(const Pipeline& p) {
  constexpr std::size_t most = 12, budget = 600'000;
  if (!p.images) return 0;
  const auto side = static_cast<std::size_t>(std::min(p.images->side, longest_thumbnail_side));
  const std::size_t bytes =
      side * side * static_cast<std::size_t>(p.images->channels) * 4 / 3 + 200;  // in base64, barely compressed
  return std::min(most, budget / (bytes * std::min(p.members.size(), most_listed)));
}

// A test image of each class in turn, until there are enough; each time one further on in its class, since neighbours
// may be alike (the glyphs stand in the order of their typefaces).
std::vector<int> example_images(const ImageSet& set, const std::vector<std::vector<int>>& images_of_class,
                                const std::vector<int>& classes, std::size_t enough) {
  std::vector<int> out;
  for (std::size_t round = 0; out.size() < enough && round < static_cast<std::size_t>(set.size()); ++round) {
    bool any = false;
    for (const int c : classes) {
      const std::vector<int>& images = images_of_class[static_cast<std::size_t>(c)];
      if (round >= images.size() || out.size() >= enough) continue;
      out.push_back(images[out.size() % images.size()]);
      any = true;
    }
    if (!any) break;
  }
  return out;
}

void put_names(std::string& page, const Pipeline& p, const std::vector<int>& classes) {
  constexpr std::size_t most = 30;
  put(page, "<ul class=\"names\">");
  for (std::size_t i = 0; i < std::min(classes.size(), most); ++i)
    put(page, "<li>", short_name(p.class_name(classes[i])), "</li>");
  if (classes.size() > most)
    put(page, "<li class=\"more\">and ", whole(static_cast<long long>(classes.size() - most)), " more</li>");
  put(page, "</ul>");
}

void put_how_found(std::string& page, const Pipeline& p) {
  const auto used = std::count_if(p.members.begin(), p.members.end(), [](const auto& m) { return !m.empty(); });
  put(page, "<p>", counted(p.class_count(), "class", "classes"), " in ",
      counted(static_cast<double>(used), "super-class", "super-classes"));
  if (!p.method.empty()) put(page, ", by <i>", escaped(p.method), "</i>");
  put(page, ". They are numbered as in <code>superclasses.json</code>, from 0",
      p.guided() ? "; super-class <i>n</i> belongs to expert <i>n</i>."
                 : ". The router was not told of them: it learned by itself what to send where.");
  if (p.comparison.ari && p.comparison.nmi)
    put(page, " Against the coarse labels that people gave: adjusted Rand index ", number(*p.comparison.ari, 2),
        ", normalised mutual information ", number(*p.comparison.nmi, 2),
        " (1: the same division; an index of 0: no better than chance).");
  put(page, "</p>\n");
  if (p.eigenvalues.empty()) return;
  put(page, "<div class=\"charts\">\n");
  put_eigenvalues(page, p.eigenvalues, static_cast<int>(used));
  const auto e = static_cast<std::size_t>(used);
  put(page,
      "<div class=\"beside\"><p>Eigenvalues of the confusion graph's normalised Laplacian. As many as are near 0, so "
      "many groups of classes are hardly confused with "
      "each other; a wide gap behind the last one used says that the number fits.</p>\n");
  if (e < p.eigenvalues.size()) {
    std::size_t widest = 1;
    const auto gap = [&](std::size_t k) { return p.eigenvalues[k] - p.eigenvalues[k - 1]; };
    for (std::size_t k = 2; k < p.eigenvalues.size() && k <= 2 * e + 10; ++k)
      if (widest < 2 || gap(k) > gap(widest)) widest = k;
    put(page, "<p>Behind the ", whole(static_cast<long long>(e)), " used here the gap is <b>", number(gap(e), 3),
        "</b>.");
    if (widest == e) put(page, " It is the widest of those in sight.");
    else if (widest >= 2)
      put(page, " The widest in sight, behind ", whole(static_cast<long long>(widest)), ", is ", number(gap(widest), 3),
          ".");
    put(page, "</p>\n");
  }
  put(page, "</div></div>\n");
}

}  // namespace

void put_how_many_more(std::string& page, std::size_t all) {
  if (all > most_listed)
    put(page, "<p class=\"note\">And ", grouped(static_cast<double>(all - most_listed)), " more.</p>\n");
}

std::string superclass_label(const Pipeline& p, int superclass) {
  constexpr std::size_t most = 2;
  const std::vector<int>& classes = p.members[static_cast<std::size_t>(superclass)];
  std::string label = whole(superclass);
  for (std::size_t i = 0; i < std::min(classes.size(), most); ++i)
    label += (i == 0 ? " \xC2\xB7 " : ", ") + short_name(p.class_name(classes[i]), 16);
  return classes.size() > most ? label + "\xE2\x80\xA6" : label;
}

void put_image(std::string& page, const Pipeline& p, int index, int true_class) {
  put(page, "<img class=\"thumb\" alt=\"", short_name(p.class_name(true_class)), "\" title=\"",
      short_name(p.class_name(true_class)), "\" src=\"", thumbnail(*p.images, index), "\">");
}

void put_superclasses(std::string& page, const Pipeline& p) {
  put(page, "<section id=\"superclasses\"><h2>The super-classes</h2>\n");
  put_how_found(page, p);
  if (!p.images) put(page, "<p class=\"note\">Without images: ", escaped(p.why_no_images), ".</p>\n");
  std::vector<std::vector<int>> images_of_class(p.classes.size());
  for (int i = 0; p.images && i < p.images->size(); ++i)
    images_of_class[static_cast<std::size_t>(p.images->labels[static_cast<std::size_t>(i)])].push_back(i);
  const std::size_t enough = images_a_superclass(p);
  put(page, "<div class=\"cards\">\n");
  for (std::size_t k = 0; k < std::min(p.members.size(), most_listed); ++k) {
    const std::vector<int>& classes = p.members[k];
    if (classes.empty()) continue;
    put(page, "<article class=\"card\"><h3>Super-class ", whole(static_cast<long long>(k)), " <small>",
        counted(static_cast<double>(classes.size()), "class", "classes"), "</small></h3>\n");
    if (enough > 0) {
      put(page, "<p class=\"thumbs\">");
      const std::size_t rows_of_six = classes.size() > 6 ? 12 : 6;
      for (const int index : example_images(*p.images, images_of_class, classes, std::min(enough, rows_of_six)))
        put_image(page, p, index, p.images->labels[static_cast<std::size_t>(index)]);
      put(page, "</p>");
    }
    put_names(page, p, classes);
    put(page, "</article>\n");
  }
  put(page, "</div>\n");
  put_how_many_more(page, p.members.size());
  put(page, "</section>\n");
}

}  // namespace mvmoe::report
