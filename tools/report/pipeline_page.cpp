// tools/report/pipeline_page.cpp: the page of a pipeline: what the experts brought, where accuracy is lost, and why.
#include <algorithm>
#include <cmath>
#include <utility>

#include "tools/report/curves.h"
#include "tools/report/html.h"
#include "tools/report/pages.h"
#include "tools/report/sections.h"

namespace mvmoe::report {
namespace {

// The same colours for the same things on the whole page.
constexpr const char *dense_colour = "c0", *moe_colour = "c1", *control_colour = "c2";

// Of the test images; 0 where nobody counted them.
double test_images(const Pipeline& p) {
  double sum = 0;
  for (const double images : p.comparison.expert_of_class.values) sum += images;
  return sum > 0 || !p.images ? sum : p.images->size();
}

std::string points(double value) {
  return number(std::abs(value), 2) + (number(std::abs(value), 2) == "1.00" ? " point" : " points");
}

std::string how_chosen(const std::string& routing) {
  if (routing == "superclass") return "once for an image, by its super-class";
  if (routing == "image") return "once for an image, as learned";
  if (routing == "token") return "for each token, as learned";
  return "by " + escaped(routing);
}

void put_headline(std::string& page, const Pipeline& p) {
  const Comparison& c = p.comparison;
  const double images = test_images(p), error = c.gain_error;
  const std::string experts = c.experts == 1 ? "One expert" : whole(c.experts) + " experts";
  put(page, "<header>\n<p class=\"kind\">mvmoe pipeline \xC2\xB7 ", escaped(p.name), "</p>\n<h1>");
  if (images > 0 && std::abs(c.gain) <= error)
    put(page, experts, " change nothing that ", grouped(images), " test images could show");
  else if (c.gain >= 0) put(page, experts, c.experts == 1 ? " gains " : " gain ", points(c.gain), " of top-1 accuracy");
  else put(page, experts, c.experts == 1 ? " loses " : " lose ", points(c.gain), " of top-1 accuracy");
  put(page, "</h1>\n<p class=\"lead\">From ", number(c.baseline().top1, 2), percent,
      c.control ? " (the dense model, trained on for as long)" : " (the dense model)", " to ", number(c.moe.top1, 2),
      percent, ": ", signed_number(c.gain, 2), " points, at ",
      number(c.moe.executed_macs / c.baseline().executed_macs, 2), " times the multiply-adds and ",
      number(c.moe.ms / c.baseline().ms, 2), " times the time of one image.</p>\n");
  if (images > 0) {
    put(page, "<p>One standard error of this difference, both models having seen the same ", grouped(images),
        " test images, is ", number(error, 2), " points");
    if (std::abs(c.gain) <= error) put(page, ": the difference is within noise.");
    else if (std::abs(c.gain) <= 2 * error)
      put(page, ": the difference is less than two of them, which is weak evidence.");
    else put(page, "; the difference is ", number(std::abs(c.gain) / error, 1), " of them.");
    put(page, " These are single runs; how much another <code>--seed</code> would change is not in it.</p>\n");
  }
  if (!c.verdict.empty()) {
    put(page, "<ul class=\"verdict\">");
    for (const std::string& reason : c.verdict) put(page, "<li>", escaped(reason), "</li>");
    put(page, "</ul>\n");
  }
  put(page, "<p class=\"note\">", escaped(c.model), " on ", escaped(c.data), ", ", counted(c.epochs, "epoch", "epochs"),
      " for each model", c.init_from.empty() ? "" : ", both begun from the weights in " + escaped(c.init_from),
      ". Experts in the last ", counted(c.moe_layers, "block", "blocks"), ", ", whole(c.top_k), " of ",
      whole(c.experts), " used, chosen ", how_chosen(c.routing), ".</p>\n</header>\n");
}

// Links to the sections that are in `body`: what was not measured has none.
void put_contents(std::string& page, const std::string& body) {
  constexpr std::pair<const char*, const char*> sections[] = {
      {"comparison", "Comparison"},  {"lost", "Where accuracy is lost"}, {"curves", "Curves"},
      {"confusion", "Confusion"},    {"superclasses", "Super-classes"},  {"experts", "Experts"},
      {"misrouted", "Sent wrongly"}, {"configuration", "Configuration"}};
  put(page, "<nav>");
  for (const auto& [id, title] : sections)
    if (body.find(std::string("<section id=\"") + id + "\">") != std::string::npos)
      put(page, "<a href=\"#", id, "\">", title, "</a>");
  put(page, "</nav>\n");
}

void put_comparison(std::string& page, const Pipeline& p) {
  const Comparison& c = p.comparison;
  const auto put_row = [&](const char* what, double ModelFigures::*member, const auto& text,
                           const std::string& change) {
    put(page, "<tr><th>", what, "</th><td>", text(c.dense.*member), "</td>");
    if (c.control) put(page, "<td>", text((*c.control).*member), "</td>");
    put(page, "<td>", text(c.moe.*member), "</td><td class=\"change\">", change, "</td></tr>\n");
  };
  const auto accuracy = [](double value) { return number(value, 2) + percent; };
  const auto time = [](double value) { return number(value, value < 9.995 ? 2 : 1) + " ms"; };
  const auto difference = [&](double ModelFigures::*member) {
    return signed_number(c.moe.*member - c.baseline().*member, 2);
  };
  const auto ratio = [&](double ModelFigures::*member) {
    return "\xC3\x97\xE2\x80\xAF" + number(c.moe.*member / (c.baseline().*member), 2);
  };

  put(page,
      "<section id=\"comparison\"><h2>Comparison</h2>\n<div class=\"wide\"><table "
      "class=\"comparison\"><thead><tr><th></th><th><span class=\"dot ",
      dense_colour, "\"></span>dense</th>");
  if (c.control) put(page, "<th><span class=\"dot ", control_colour, "\"></span>dense,<br>trained on</th>");
  put(page, "<th><span class=\"dot ", moe_colour, "\"></span>experts</th><th>change</th></tr></thead><tbody>\n");
  put_row("Top-1", &ModelFigures::top1, accuracy, difference(&ModelFigures::top1));
  put_row("Top-5", &ModelFigures::top5, accuracy, difference(&ModelFigures::top5));
  put_row("Multiply-adds", &ModelFigures::macs, abbreviated, ratio(&ModelFigures::macs));
  put_row("&nbsp; executed", &ModelFigures::executed_macs, abbreviated, ratio(&ModelFigures::executed_macs));
  put_row("One image", &ModelFigures::ms, time, ratio(&ModelFigures::ms));
  put_row("Parameters", &ModelFigures::params, abbreviated, ratio(&ModelFigures::params));
  put_row("&nbsp; active", &ModelFigures::active_params, abbreviated, ratio(&ModelFigures::active_params));
  put(page, "</tbody></table></div>\n<p class=\"note\">Test set, last weights. ",
      c.control ? "The change is against the dense model that was trained on: more training alone is no gain. " : "",
      "Multiply-adds are those of one image, by the formula and as executed; active parameters are those that one "
      "image uses. Time of one image on one thread of ",
      escaped(c.processor), ".</p></section>\n");
}

void put_where_lost(std::string& page, const Pipeline& p) {
  const Comparison& c = p.comparison;
  if (!c.router_accuracy && !c.oracle_top1 && !c.random_router_top1) return;
  put(page, "<section id=\"lost\"><h2>Where accuracy is lost</h2>\n");
  if (c.oracle_top1) {
    const double lost = *c.oracle_top1 - c.moe.top1;
    put(page, "<p>With a router that always finds the right super-class, the same experts would reach ",
        number(*c.oracle_top1, 2), percent, ": <b>the router costs ", number(lost, 2), " points</b>.");
    if (c.random_router_top1)
      put(page, " With a random one they would fall to ", number(*c.random_router_top1, 2), percent, ".");
    put(page, "</p>\n");
  }
  double largest = 0;
  for (int k = 0; k < c.experts; ++k) largest = std::max(largest, p.image_share(k));
  if (c.router_accuracy) {
    put(page, "<p>The router finds the right super-class of <b>", number(*c.router_accuracy, 1), percent,
        "</b> of the test images");
    if (largest > 0) put(page, "; always naming the largest would find ", number(100 * largest, 1), percent);
    put(page, ".</p>\n");
  }
  const double highest = std::max({c.oracle_top1.value_or(0), c.moe.top1, c.dense.top1, c.baseline().top1, 1e-9});
  const auto put_row = [&](const char* what, const std::optional<double>& top1, const char* colour) {
    if (!top1) return;
    put(page, "<tr><th>", what, "</th><td>", number(*top1, 2), percent, "</td><td class=\"bars\">");
    put_bar(page, *top1 / highest, colour, c.baseline().top1 / highest);
    put(page, "</td></tr>\n");
  };
  put(page, "<table class=\"load lost\"><tbody>\n");
  put_row("random router", c.random_router_top1, "c1 pale");
  put_row("router as trained", c.moe.top1, "c1");
  put_row("perfect router", c.oracle_top1, "c1 pale");
  put_row(c.control ? "dense, trained on" : "dense", c.baseline().top1, c.control ? control_colour : dense_colour);
  put(page, "</tbody></table>\n<p class=\"note\">Top-1 on the test set; the thin line is the dense model",
      c.control ? ", trained on" : "", ".</p></section>\n");
}

}  // namespace

std::string pipeline_page(const Pipeline& p) {
  std::vector<Shown> trainings{{.training = &p.dense, .colour = dense_colour}};
  if (p.control) trainings.push_back({.training = &*p.control, .colour = control_colour, .dashed = true});
  trainings.push_back({.training = &p.moe, .colour = moe_colour});

  std::string body;
  put(body, "<div class=\"two\">\n");
  put_comparison(body, p);
  put_where_lost(body, p);
  put(body, "</div>\n<section id=\"curves\"><h2>Curves</h2>\n");
  put_curves(body, trainings);
  put(body, "</section>\n");
  put_confusion(body, p);
  put_superclasses(body, p);
  put_experts(body, p);
  put_misrouted(body, p);
  put(body, "<section id=\"configuration\"><h2>Configuration</h2>\n");
  put_configuration(body, trainings);
  put(body, "</section>\n");

  std::string page;
  put_headline(page, p);
  put_contents(page, body);
  return whole_page("mvmoe: " + p.name, page + body);
}

}  // namespace mvmoe::report
