// What could be wrong and still look right on a page, and what shows it: a name that breaks out of its place (odd names,
// a checker of tags and entities, every attribute quoted); a picture whose pixels are shuffled (decoded again); classes
// in another order than the matrix (a matrix with one entry, found where it must be); a headline that praises noise
// (gains on both sides of the standard error); a file that is passed over in silence (each one damaged in turn).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "tools/report/html.h"
#include "tools/report/pages.h"
#include "tools/report/png.h"
#include "tools/report/sections.h"
#include "train/data/dataset.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace mvmoe::report {
namespace {

using Json = nlohmann::json;

// ---- A page, judged as a browser would read it

bool is_name_byte(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '!'; }

// What is wrong with the page: a tag that is not closed or closes another, an attribute without quotes or given twice, a
// < or & that begins nothing, an id given twice. Empty where nothing is.
std::string complaint_about(const std::string& page) {
  const std::set<std::string> empty_tags{"meta", "img", "br", "!DOCTYPE"};
  std::vector<std::string> open;
  std::set<std::string> ids;
  const auto around = [&](std::size_t at) { return ": " + page.substr(at, 60); };
  for (std::size_t i = 0; i < page.size(); ++i) {
    if (page[i] == '&') {
      const std::string entity = page.substr(i, page.find(';', i) - i + 1);
      if (!std::set<std::string>{"&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&nbsp;"}.contains(entity)) return "an & that begins nothing" + around(i);
    }
    if (page[i] == '>') return "a > that ends nothing" + around(i);
    if (page[i] != '<') continue;
    const std::size_t start = i++;
    const bool closing = page[i] == '/';
    if (closing) ++i;
    std::string name;
    while (i < page.size() && is_name_byte(page[i])) name += page[i++];
    if (name.empty()) return "a < that begins nothing" + around(start);
    std::set<std::string> attributes;
    bool self_closing = false;
    while (page[i] != '>') {
      if (i >= page.size()) return "a tag without end" + around(start);
      if (page[i] == ' ' || page[i] == '\n') { ++i; continue; }
      if (page[i] == '/') { self_closing = true; ++i; continue; }
      std::string attribute, value;
      while (is_name_byte(page[i])) attribute += page[i++];
      if (attribute.empty()) return "no attribute" + around(start);
      if (page[i] == '=') {
        if (page[++i] != '"') return "an attribute without quotes" + around(start);
        for (++i; page[i] != '"'; ++i) {
          if (i + 1 >= page.size()) return "quotes without end" + around(start);
          if (page[i] == '<') return "a < in an attribute" + around(start);
          value += page[i];
        }
        ++i;
      }
      if (!attributes.insert(attribute).second) return "an attribute twice" + around(start);
      if (attribute == "id" && !ids.insert(value).second) return "an id twice" + around(start);
    }
    if (closing) {
      if (open.empty() || open.back() != name) return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back()) + around(start);
      open.pop_back();
    } else if (name == "style") {  // its text is not HTML
      i = page.find("</style>", i);
      if (i == std::string::npos) return "style without end";
      i += 7;
    } else if (!self_closing && !empty_tags.contains(name)) {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

// Everything the page would fetch or run.
std::string outside_reference(const std::string& page) {
  for (const char* word : {"http:", "https:", "<script", "<link", "<iframe", "@import", "javascript:", " on", "=//", "\"//"})
    for (std::size_t at = page.find(word); at != std::string::npos; at = page.find(word, at + 1)) {
      if (std::string(word) != " on") return page.substr(at, 60);
      const std::size_t equals = page.find_first_not_of("abcdefghijklmnopqrstuvwxyz", at + 1);
      if (page.substr(equals, 2) == "=\"") return page.substr(at, 60);  // an event's attribute
    }
  for (const char* attribute : {"src=\"", "href=\"", "url("})
    for (std::size_t at = page.find(attribute); at != std::string::npos; at = page.find(attribute, at + 1)) {
      const std::string value = page.substr(at + std::string(attribute).size(), 15);
      if (!value.starts_with("#") && !value.starts_with("data:image/png;")) return page.substr(at, 60);
    }
  return "";
}

void expect_sound(const std::string& page) {
  EXPECT_EQ(complaint_about(page), "");
  EXPECT_EQ(outside_reference(page), "");
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>\n"));
  for (std::size_t at = page.find("href=\"#"); at != std::string::npos; at = page.find("href=\"#", at + 1)) {
    const std::string id = page.substr(at + 7, page.find('"', at + 7) - at - 7);
    EXPECT_NE(page.find("id=\"" + id + "\""), std::string::npos) << "a link to " << id << ", which is not there";
  }
  EXPECT_NO_THROW(Json(page).dump()) << "the page is not UTF-8";
}

int count(const std::string& page, const std::string& text) {
  int n = 0;
  for (std::size_t at = page.find(text); at != std::string::npos; at = page.find(text, at + 1)) ++n;
  return n;
}

bool has(const std::string& page, const std::string& text) { return count(page, text) > 0; }

TEST(ReportChecker, SeesWhatIsWrong) {
  EXPECT_EQ(complaint_about("<p class=\"a\">1 &lt; 2<br></p><svg><rect/></svg><style>a > b</style>"), "");
  for (const char* wrong : {"<p>", "</p>", "<p></b></p>", "<p class=a></p>", "<p class=\"a></p>", "<p>&</p>", "<p>1 < 2</p>", "<p>1 > 2</p>", "<p id=\"x\"></p><p id=\"x\"></p>",
                            "<p a=\"\" a=\"\"></p>", "<p title=\"<\"></p>"})
    EXPECT_NE(complaint_about(wrong), "") << wrong;
  EXPECT_EQ(outside_reference("<a href=\"#x\"> on <img src=\"data:image/png;base64,AA==\">"), "");
  for (const char* wrong : {"<img src=\"a.png\">", "<a href=\"https://x\">", "<p onclick=\"x\">", "a{background:url(x)}", "<script>", "<img src=\"data:text/html,x\">"})
    EXPECT_NE(outside_reference(wrong), "") << wrong;
}

// ---- A pipeline's folder, made here

const std::string markup = "<b>&\"'", commas = "a,\"b\", c", control = "tab\tline\nend\x1b[31m", broken = "caf\xff";

// Without write_file's sync to the disk, which would be most of these tests' time.
void save(const std::filesystem::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string csv_cell(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

struct Fixture {
  TemporaryFolder folder;
  std::vector<std::string> classes{markup, commas, control, broken};
  std::vector<int> superclass_of{1, 0, 1, 0};  // so the order is 1, 3, 0, 2
  std::vector<std::vector<double>> confusion{{8, 0, 2, 0}, {0, 9, 0, 1}, {0, 0, 10, 0}, {0, 6, 0, 4}};
  Json comparison;

  Fixture() {
    const Json figures{{"top1", 40.0}, {"top5", 70.0}, {"macs", 2'000'000}, {"executed_macs", 1'900'000}, {"ms", 2.0}, {"params", 300'000}, {"active_params", 300'000}};
    comparison = {{"data", "cifar10:/nowhere/<i>"}, {"model", "vit-6x64"}, {"epochs", 2}, {"experts", 2}, {"moe_layers", 2}, {"top_k", 1}, {"routing", "superclass"},
                  {"processor", "A <processor>"}, {"threads", 2}, {"dense", figures}, {"control", nullptr}, {"moe", figures}, {"oracle_top1", 61.0},
                  {"random_router_top1", 21.0}, {"gain", 5.0}, {"gain_error", 1.1}, {"ari", 0.25}, {"nmi", 0.5},
                  {"expert_of_class", {{100, 900}, {1000, 0}, {250, 750}, {600, 400}}},
                  {"misrouted", {{{"index", 3}, {"class", 0}, {"expert", 0}, {"probability", 0.987}, {"predicted", 1}}}}};
    comparison["moe"]["top1"] = 45.0;
    comparison["moe"]["router_accuracy"] = 81.25;
    comparison["moe"]["expert_load"] = {48.75, 51.25};
  }

  void write_training(const std::string& part, const std::string& extra = "") const {
    std::filesystem::create_directories(folder / part);
    save(folder / (part + "/config.json"), std::string("{\"data\": \"<spec>\", \"model\": \"vit-6x64\", \"epochs\": \"2\"") + extra + "}");
    save(folder / (part + "/log.csv"), "epoch,steps,lr,train_loss,test_top1,test_top5,test_loss,holdout_top1,ema_top1,router_accuracy,images_per_s,seconds\n"
                                                         "1,10,0.001,4.5,20.5,50,3,21,,,1000,10\n2,20,0.0005,3.25,40,70,2.5,41,,,1010,20\n");
  }

  void write() {
    for (const char* part : {"dense", "moe"}) write_training(part);
    if (!comparison["control"].is_null()) write_training("control");
    std::string csv = "class";
    for (const std::string& name : classes) csv += "," + csv_cell(name);
    Json sets = Json::array();
    for (std::size_t t = 0; t < classes.size(); ++t) {
      csv += "\r\n" + csv_cell(classes[t]);
      for (const double value : confusion[t]) csv += "," + text(value);
      while (sets.size() <= static_cast<std::size_t>(superclass_of[t])) sets.push_back(Json::array());
      sets[static_cast<std::size_t>(superclass_of[t])].push_back(classes[t]);
    }
    save(folder / "confusion.csv", csv + "\r\n");
    const auto dump = [](const Json& json) { return json.dump(1, ' ', false, Json::error_handler_t::replace); };
    save(folder / "superclasses.json", dump({{"superclasses", sets}, {"method", "spectral"}, {"eigenvalues", {0.0, 0.1, 0.75, 0.8}}}));
    comparison["classes"] = classes;
    comparison["superclass_of"] = superclass_of;
    save(folder / "comparison.json", dump(comparison));
  }
  std::string page() {
    write();
    return page_of({folder.path()});
  }
};

TEST(ReportPipeline, EverySectionIsThereAndThePageIsSound) {
  Fixture f;
  const std::string page = f.page();
  expect_sound(page);
  for (const char* id : {"comparison", "lost", "curves", "confusion", "superclasses", "experts", "misrouted", "configuration"}) {
    EXPECT_EQ(count(page, std::string("<section id=\"") + id + "\">"), 1) << id;
    EXPECT_EQ(count(page, std::string("href=\"#") + id + "\""), 1) << id;
  }
  EXPECT_TRUE(has(page, "E = 2, gap 0.650"));
  EXPECT_TRUE(has(page, "the router costs 16.00 points"));
  EXPECT_TRUE(has(page, "adjusted Rand index 0.25"));
  EXPECT_TRUE(has(page, "Without images: /nowhere/&lt;i&gt;: No such file or directory"));
  EXPECT_FALSE(has(page, "<img"));
  EXPECT_TRUE(has(page, "<b>98.7"));
}

TEST(ReportPipeline, NamesComeOutAsTheyAre) {
  Fixture f;
  const std::string page = f.page();
  for (const char* shown : {"&lt;b&gt;&amp;&quot;&#39;", "a,&quot;b&quot;, c", "tab\\x09line\\x0aend\\x1b[31m", "caf\xEF\xBF\xBD", "A &lt;processor&gt;", "&lt;spec&gt;"}) {
    EXPECT_TRUE(has(page, shown)) << shown;
  }
  for (const std::string& name : f.classes) EXPECT_FALSE(has(page, name)) << printable(name);
}

TEST(ReportPipeline, TheMatrixIsOrderedBySuperclass) {
  Fixture f;
  const std::string page = f.page();
  // Class 3 taken for class 1 is the largest entry: row 1, column 0 of the order 1, 3, 0, 2. Cells are 640 / 4 wide.
  const std::size_t title = page.find("<title>caf\xEF\xBF\xBD taken for a,&quot;b&quot;, c: 60.0"), cell = page.rfind("<rect class=\"cell\"", title);
  ASSERT_NE(title, std::string::npos);
  const std::string rectangle = page.substr(cell, title - cell);
  const std::size_t outline = page.find("<rect class=\"outline\"");
  EXPECT_TRUE(has(rectangle, "y=\"162\" width=\"160\" height=\"160\"")) << rectangle;
  const auto x_of = [](const std::string& rect) { return rect.substr(rect.find("x=\""), 8); };
  EXPECT_EQ(x_of(rectangle), x_of(page.substr(outline, 60))) << "the first column is where the first block begins";
  EXPECT_EQ(count(page, " taken for "), 3) << "three mistakes, and no cell of the diagonal";
  // Of 40 + ... mistakes (rows in percent: 20, 10, 0, 60) all stay within; evenly spread, a third would.
  EXPECT_TRUE(has(page, "100\xE2\x80\xAF% of the mistakes stay within a super-class"));
  EXPECT_TRUE(has(page, "it would be 33\xE2\x80\xAF%"));
}

TEST(ReportPipeline, ExpertsAreThoseOfTheClassesTheyGot) {
  Fixture f;
  const std::string page = f.page();
  // Expert 0 got 100 + 1000 + 250 + 600 = 1950 images: most are of class 1, then class 3.
  const std::size_t row = page.find("<table class=\"load experts\">");
  EXPECT_TRUE(has(page.substr(row, 1500), "a,&quot;b&quot;, c <small>51\xE2\x80\xAF%</small></li><li>caf\xEF\xBF\xBD <small>31\xE2\x80\xAF%"));
  EXPECT_TRUE(has(page, "<title>&lt;b&gt;&amp;&quot;&#39;: 90.0\xE2\x80\xAF% to expert 1</title>"));
  // The experts' own classes: columns 0, 1 in row 0 and 2, 3 in row 1, left of them the margin of 46.
  const std::string heat = page.substr(page.find("<mask id=\"expert-cells\">"));
  EXPECT_TRUE(has(heat, "<rect class=\"outline\" x=\"46\" y=\"2\" width=\"320\" height=\"26\"/>"));
  EXPECT_TRUE(has(heat, "<rect class=\"outline\" x=\"366\" y=\"28\" width=\"320\" height=\"26\"/>"));
  EXPECT_TRUE(has(page, "always naming the largest would find 50.0\xE2\x80\xAF%"));
}

TEST(ReportPipeline, LearnedRoutingKnowsNoSuperclasses) {
  Fixture f;
  f.comparison["routing"] = "image";
  for (const char* key : {"oracle_top1", "random_router_top1"}) f.comparison[key] = nullptr;
  f.comparison["moe"]["router_accuracy"] = nullptr;
  const std::string page = f.page();
  expect_sound(page);
  EXPECT_TRUE(has(page, "chosen once for an image, as learned"));
  EXPECT_TRUE(has(page, "it learned by itself"));
  for (const char* untrue : {"perfect router", "belongs to", "class=\"mark\"", "<section id=\"lost\""}) EXPECT_FALSE(has(page, untrue)) << untrue;
  EXPECT_EQ(count(page, "<rect class=\"outline\""), 2) << "the confusion matrix's blocks, none among the experts";
}

TEST(ReportPipeline, AnExpertWithoutASuperclassHasItsRow) {
  Fixture f;
  f.comparison["experts"] = 3;
  f.comparison["moe"]["expert_load"] = {40, 60, 0};
  f.comparison["expert_of_class"] = {{100, 900, 0}, {1000, 0, 0}, {250, 750, 0}, {600, 400, 0}};
  const std::string page = f.page();
  expect_sound(page);
  EXPECT_TRUE(has(page, "no image"));
  EXPECT_EQ(count(page, "<rect class=\"outline\""), 2 + 2);
}

struct Headline {
  double gain;
  const char* says;
  const char* and_then;
};

class ReportHeadline : public testing::TestWithParam<Headline> {};
// The fixture's standard error is 1.1 points.
INSTANTIATE_TEST_SUITE_P(Gains, ReportHeadline,
                         testing::Values(Headline{5, "<h1>2 experts gain 5.00 points of top-1 accuracy</h1>", "; the difference is 4.5 of them."},
                                         Headline{2, "<h1>2 experts gain 2.00 points", "less than two of them, which is weak evidence"},
                                         Headline{1, "<h1>2 experts change nothing that 4,000 test images could show</h1>", "the difference is within noise"},
                                         Headline{0, "<h1>2 experts change nothing", "within noise"},
                                         Headline{-1, "<h1>2 experts change nothing", "within noise"},
                                         Headline{-6, "<h1>2 experts lose 6.00 points of top-1 accuracy</h1>", "\xE2\x88\x92""6.00 points"}));
TEST_P(ReportHeadline, SaysWhatTheGainIsWorth) {
  Fixture f;
  f.comparison["gain"] = GetParam().gain;
  f.comparison["moe"]["top1"] = 40 + GetParam().gain;
  const std::string page = f.page();
  EXPECT_TRUE(has(page, GetParam().says)) << page.substr(page.find("<h1>"), 900);
  EXPECT_TRUE(has(page, GetParam().and_then)) << page.substr(page.find("<h1>"), 900);
}

TEST(ReportPipeline, WithAControlTheChangeIsAgainstIt) {
  Fixture f;
  f.comparison["control"] = f.comparison["dense"];
  f.comparison["control"]["top1"] = 43.5;
  f.comparison["gain"] = 1.5;
  const std::string page = f.page();
  expect_sound(page);
  EXPECT_TRUE(has(page, "From 43.50\xE2\x80\xAF% (the dense model, trained on for as long) to 45.00\xE2\x80\xAF%"));
  EXPECT_TRUE(has(page, "<td>40.00\xE2\x80\xAF%</td><td>43.50\xE2\x80\xAF%</td><td>45.00\xE2\x80\xAF%</td><td class=\"change\">+1.50</td>"));
}

TEST(ReportPipeline, WhatWasNotMeasuredIsLeftOut) {
  Fixture f;
  f.comparison["routing"] = "token";
  for (const char* key : {"oracle_top1", "random_router_top1", "ari", "nmi", "expert_of_class", "misrouted"}) f.comparison[key] = nullptr;
  for (const char* key : {"router_accuracy", "expert_load"}) f.comparison["moe"][key] = nullptr;
  f.confusion = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 0}};  // nothing is confused, and one class has no image
  const std::string page = f.page();
  expect_sound(page);
  for (const char* id : {"lost", "experts", "misrouted"}) EXPECT_FALSE(has(page, std::string("<section id=\"") + id + "\">")) << id;
  EXPECT_TRUE(has(page, "<h1>2 experts gain 5.00 points"));
  EXPECT_TRUE(has(page, "every class is told from every other"));
}

TEST(ReportPipeline, ImagesOfTheDataSetStandInThePage) {
  const DataSet glyphs = load_dataset("glyphs");
  Fixture f;
  f.classes = glyphs.classes;
  f.comparison["data"] = "glyphs";
  f.superclass_of.assign(62, 0);
  f.superclass_of[5] = 1;
  f.confusion.assign(62, std::vector<double>(62, 1));
  f.comparison["expert_of_class"] = std::vector<std::vector<int>>(62, {50, 65});
  f.comparison["misrouted"] = {{{"index", 7}, {"class", glyphs.test.labels[7]}, {"expert", 1}, {"probability", 0.9}, {"predicted", 5}}};
  const std::string page = f.page();
  expect_sound(page);
  EXPECT_EQ(count(page, "<img "), 12 + 6 + 1) << "two rows of super-class 0, one of super-class 1, and the image that went wrong";
  EXPECT_TRUE(has(page.substr(page.find("<section id=\"misrouted\">")), thumbnail(glyphs.test, 7)));
  f.comparison["misrouted"][0]["class"] = glyphs.test.labels[7] + 1;  // then it is not the data set that was trained on
  const std::string without = f.page();
  EXPECT_FALSE(has(without, "<img "));
  EXPECT_TRUE(has(without, "Without images: glyphs: is another data set"));
}

TEST(ReportPipeline, AThousandClassesStayASmallPage) {
  Fixture f;
  f.classes.clear(), f.superclass_of.clear();
  for (int c = 0; c < 1000; ++c) f.classes.push_back("class " + std::to_string(c) + std::string(300, 'x')), f.superclass_of.push_back(c / 2);
  f.confusion.assign(1000, std::vector<double>(1000));
  for (std::size_t i = 0; i < 1'000'000; ++i) f.confusion[i / 1000][i % 1000] = static_cast<double>(i * 2654435761u % 1000);
  f.comparison["experts"] = 500;
  f.comparison["moe"]["expert_load"] = std::vector<double>(500, 0.2);
  f.comparison["expert_of_class"] = std::vector<std::vector<int>>(1000, std::vector<int>(500, 1));
  f.comparison["misrouted"] = Json::array();
  const std::string page = f.page();
  expect_sound(page);
  EXPECT_LT(page.size(), 2'000'000u);
  EXPECT_EQ(count(page, "And 400 more."), 2);
}

// ---- Files that are missing or damaged

struct Damage {
  const char* name;
  const char* file;
  const char* contents;  // null: the file is removed
  const char* says;
};

class ReportDamage : public testing::TestWithParam<Damage> {};
INSTANTIATE_TEST_SUITE_P(
    Files, ReportDamage,
    testing::Values(Damage{"no_config", "dense/config.json", nullptr, "No such file"}, Damage{"no_log", "moe/log.csv", nullptr, "No such file"},
                    Damage{"no_confusion", "confusion.csv", nullptr, "No such file"}, Damage{"no_comparison", "comparison.json", nullptr, "No such file"},
                    Damage{"no_division", "superclasses.json", nullptr, "No such file"}, Damage{"config_no_json", "dense/config.json", "{", "must be a JSON object"},
                    Damage{"config_a_list", "dense/config.json", "[1]", "must be a JSON object"}, Damage{"log_empty", "dense/log.csv", "", "names no column epoch"},
                    Damage{"log_cut", "dense/log.csv", "epoch,train_loss,test_top1\n1,2.5", "line 2 has 2 cells, must have 3"},
                    Damage{"log_word", "dense/log.csv", "epoch,train_loss,test_top1\n1,x,3\n", "line 2, train_loss: 'x' is not a finite number"},
                    Damage{"log_nan", "dense/log.csv", "epoch,train_loss,test_top1\n1,nan,3\n", "'nan' is not a finite number"},
                    Damage{"log_twice", "dense/log.csv", "epoch,train_loss,test_top1\n1,2,3\n1,2,3\n", "line 3: its epoch must be above 1"},
                    Damage{"confusion_empty", "confusion.csv", "", "is empty, must be a confusion matrix"}, Damage{"confusion_quote", "confusion.csv", "\"class", "is never closed"},
                    Damage{"confusion_shape", "confusion.csv", ",a,b\na,1,2\n", "the row of 'b' is missing"},
                    Damage{"confusion_row", "confusion.csv", ",a,b\na,1\nb,1,2\n", "row 1 (a) has 1 entries, must have 2"},
                    Damage{"confusion_order", "confusion.csv", ",a,b\nb,1,2\na,1,2\n", "row 1 is 'b', must be 'a'"},
                    Damage{"confusion_negative", "confusion.csv", ",a,b\na,1,-2\nb,1,2\n", "row 1 (a), column 2 (b): -2 is negative"},
                    Damage{"confusion_inf", "confusion.csv", ",a,b\na,1,inf\nb,1,2\n", "row 1 (a), column 2 (b): inf is not finite"},
                    Damage{"confusion_classes", "confusion.csv", ",a,b\na,1,2\nb,1,2\n", "are not those of comparison.json"},
                    Damage{"division_no_json", "superclasses.json", "{", "is not JSON"}, Damage{"division_kind", "superclasses.json", "{\"superclasses\": 3}", "must be an object with"},
                    Damage{"division_edited", "superclasses.json", "{\"superclasses\": [[\"a\"]]}", "super-class 0 names 'a', which is no class"},
                    Damage{"comparison_no_json", "comparison.json", "{\"a\": 1e999}", "is not JSON"}, Damage{"comparison_empty", "comparison.json", "{}", "data is missing"}),
    [](const auto& info) { return std::string(info.param.name); });
TEST(ReportPipeline, ADivisionThatTheExpertsWereNotTrainedForIsRefused) {
  Fixture f;
  f.write();
  const auto file = f.folder / "superclasses.json";
  const std::vector<std::string>& names = f.classes;
  const auto divided = [&](const std::vector<std::vector<std::string>>& sets) { return Json{{"superclasses", sets}}.dump(-1, ' ', false, Json::error_handler_t::replace); };
  save(file, divided({{names[0], names[1]}, {names[2], names[3]}}));
  EXPECT_TRUE(has(message_of([&] { page_of({f.folder.path()}); }), "is not the division that the experts were trained for"));
  save(file, divided({{names[0], names[2]}, {names[3], names[1]}}));  // in another order, the same
  EXPECT_NO_THROW(page_of({f.folder.path()}));
}

TEST_P(ReportDamage, IsNamedWithItsFile) {
  Fixture f;
  f.write();
  const auto file = f.folder / GetParam().file;
  if (GetParam().contents) save(file, GetParam().contents);
  else std::filesystem::remove(file);
  const std::string message = message_of([&] { page_of({f.folder.path()}); });
  EXPECT_TRUE(message.starts_with(file.string() + ": ")) << message;
  EXPECT_TRUE(has(message, GetParam().says)) << message;
  EXPECT_FALSE(has(message, "\n")) << message;
}

struct Change {
  const char* pointer;
  Json value;
  const char* says;
};

TEST(ReportPipeline, AFigureOfTheWrongKindIsNamed) {
  const std::vector<Change> changes{{"/dense/top1", "x", "dense: top1 must be a number"}, {"/dense/top1", 101, "dense: top1 is 101, must be from 0 to 100"},
                                    {"/moe/ms", 0, "moe: ms is 0"}, {"/moe", 3, "moe must be an object"}, {"/experts", 2.5, "experts is 2.5, must be a whole number"},
                                    {"/moe/expert_load", {1, 2, 3}, "expert_load must be a list of 2"}, {"/moe/expert_load", {"a", 2}, "expert_load holds \"a\""},
                                    {"/expert_of_class", {{1, 2}}, "expert_of_class must be a list of 4"}, {"/expert_of_class/2/1", -1, "expert_of_class holds -1"},
                                    {"/misrouted/0/class", 4, "misrouted: class is 4, must be a whole number from 0 to 3"}, {"/misrouted/0/expert", 2, "expert is 2"},
                                    {"/misrouted/0/index", -1, "index is -1"}, {"/routing", nullptr, "routing must be a string"}};
  for (const Change& change : changes) {
    Fixture f;
    f.comparison[Json::json_pointer(change.pointer)] = change.value;
    f.write();
    const std::string message = message_of([&] { page_of({f.folder.path()}); });
    EXPECT_TRUE(message.starts_with((f.folder / "comparison.json").string() + ": ") && has(message, change.says)) << message;
  }
}

// ---- Training runs

TEST(ReportTraining, OneRun) {
  Fixture f;
  f.write_training("a <run>", ", \"init-from\": \"\"");
  const std::string page = page_of({f.folder / "a <run>"});
  expect_sound(page);
  for (const char* id : {"figures", "curves", "configuration"}) EXPECT_EQ(count(page, std::string("<section id=\"") + id + "\">"), 1) << id;
  EXPECT_TRUE(has(page, "<h1>40.00\xE2\x80\xAF% top-1</h1>"));
  EXPECT_TRUE(has(page, "a &lt;run&gt;"));
  EXPECT_TRUE(has(page, "vit-6x64 on &lt;spec&gt;, 2 epochs done of 2"));
  EXPECT_TRUE(has(page, "epoch 2: 3.250</title>"));
  EXPECT_EQ(count(page, "<figure class=\"chart\">"), 4) << "loss, test, held-out, rate; none for columns that are empty";
  EXPECT_FALSE(has(page, "class=\"legend\""));
}

TEST(ReportTraining, SeveralRunsAndThePartsOfAPipeline) {
  Fixture f;
  f.write();
  f.write_training("one", ", \"lr\": \"0.001\"");
  f.write_training("two", ", \"lr\": \"0.002\"");
  const std::string page = page_of({f.folder / "one", f.folder / "two", f.folder.path()});
  expect_sound(page);
  EXPECT_TRUE(has(page, "<h1>4 runs compared</h1>"));
  EXPECT_TRUE(has(page, f.folder.path().filename().string() + "/moe"));
  const std::string differing = page.substr(page.find("<table class=\"flags\">"));
  EXPECT_TRUE(has(differing, "<code>--lr</code></th><td>0.001</td><td>0.002</td><td><span class=\"none\">none</span>"));
  EXPECT_FALSE(has(differing.substr(0, differing.find("</table>")), "--model"));
}

TEST(ReportTraining, RunsOfOneNameAreToldApartByTheirPaths) {
  Fixture f;
  f.write_training("a/run"), f.write_training("b/run"), f.write_training("other");
  save(f.folder / "other/log.csv", "epoch,train_loss,test_top1\n1,2,3\n2,1,4\n");  // equal curves would be drawn once, as all
  const std::string page = page_of({f.folder / "a/run", f.folder / "b/run", f.folder / "other"});
  EXPECT_TRUE(has(page, escaped((f.folder / "a/run").string()) + ", epoch 2"));
  EXPECT_TRUE(has(page, escaped((f.folder / "b/run").string()) + ", epoch 2"));
  EXPECT_TRUE(has(page, "<title>other, epoch 2"));
}

TEST(ReportTraining, NoEpochAndOneEpoch) {
  Fixture f;
  f.write_training("run");
  save(f.folder / "run/log.csv", "epoch,train_loss,test_top1\n");
  std::string page = page_of({f.folder / "run"});
  expect_sound(page);
  EXPECT_TRUE(has(page, "No epoch is finished yet."));
  save(f.folder / "run/log.csv", "epoch,train_loss,test_top1\n1,2.5,\n");
  page = page_of({f.folder / "run"});
  expect_sound(page);
  EXPECT_EQ(count(page, "<figure class=\"chart\">"), 1);
  EXPECT_FALSE(has(page, "nan") || has(page, "inf,"));
}

TEST(ReportFolders, WhatIsNoRun) {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder / "empty");
  save(folder / "file", "x");
  EXPECT_TRUE(message_of<UsageError>([&] { page_of({folder / "empty"}); }).starts_with((folder / "empty").string() + ": holds no run"));
  EXPECT_EQ(message_of<UsageError>([&] { page_of({folder / "file"}); }), (folder / "file").string() + ": is not a folder, must be the folder of a run");
  EXPECT_EQ(message_of<Error>([&] { page_of({folder / "gone"}); }), (folder / "gone").string() + ": No such file or directory");
}

// ---- Pictures and numbers

std::vector<std::uint8_t> from_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::uint8_t> out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(digits.find(c));
    if ((held += 6) >= 8) out.push_back(static_cast<std::uint8_t>(bits >> (held -= 8)));
  }
  return out;
}

std::vector<std::uint8_t> decoded(const std::string& address, int& width, int& height, int& channels) {
  const std::string start = "data:image/png;base64,";
  EXPECT_TRUE(address.starts_with(start));
  EXPECT_EQ((address.size() - start.size()) % 4, 0u);
  const auto file = from_base64(address.substr(start.size()));
  unsigned char* pixels = stbi_load_from_memory(file.data(), static_cast<int>(file.size()), &width, &height, &channels, 0);
  if (!pixels) return {};
  const std::vector<std::uint8_t> out(pixels, pixels + width * height * channels);
  stbi_image_free(pixels);
  return out;
}

TEST(ReportPng, PixelsComeBack) {
  for (const int channels : {1, 3})
    for (const int width : {1, 2, 3, 7}) {
      std::vector<std::uint8_t> pixels;
      for (int i = 0; i < width * 5 * channels; ++i) pixels.push_back(static_cast<std::uint8_t>(i * i * 37 + i));
      int w = 0, h = 0, c = 0;
      EXPECT_EQ(decoded(png_address(pixels, width, 5, channels), w, h, c), pixels);
      EXPECT_EQ((std::vector<int>{w, h, c}), (std::vector<int>{width, 5, channels}));
    }
}

TEST(ReportPng, ThumbnailsAreTheImageOrItsMeans) {
  int w = 0, h = 0, c = 0;
  ImageSet small{.channels = 3, .side = 2, .pixels = std::vector<std::uint8_t>(12), .labels = {0, 0}};
  for (int i = 0; i < 12; ++i) small.pixels.push_back(static_cast<std::uint8_t>(10 + i));  // image 1: planes of 4
  EXPECT_EQ(decoded(thumbnail(small, 1), w, h, c), (std::vector<std::uint8_t>{10, 14, 18, 11, 15, 19, 12, 16, 20, 13, 17, 21}));
  ImageSet large{.channels = 1, .side = 128, .pixels = {}, .labels = {0}};
  for (int y = 0; y < 128; ++y)
    for (int x = 0; x < 128; ++x) large.pixels.push_back(static_cast<std::uint8_t>(x + y % 2 * 4));
  const auto pixels = decoded(thumbnail(large, 0), w, h, c);
  ASSERT_EQ(pixels.size(), 64u * 64);
  for (int x = 0; x < 64; ++x) EXPECT_EQ(pixels[static_cast<std::size_t>(64 * 40 + x)], (2 * x + 2 * x + 1 + 4 + 1) / 2) << x;  // mean 2x + 0.5 + 2, rounded up
}

TEST(ReportNumbers, AreWrittenAsOneReadsThem) {
  EXPECT_EQ(number(42.504, 2), "42.50");
  EXPECT_EQ(number(-0.001, 2), "0.00");
  EXPECT_EQ(signed_number(2.406, 2), "+2.41");
  EXPECT_EQ(signed_number(-2.406, 2), "\xE2\x88\x92""2.41");
  EXPECT_EQ(signed_number(-0.001, 2), "0.00");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(abbreviated(999), "999");
  EXPECT_EQ(abbreviated(318'244), "318 k");
  EXPECT_EQ(abbreviated(999'700), "1.00 M");
  EXPECT_EQ(abbreviated(20'660'224), "20.7 M");
  EXPECT_EQ(coordinate(-1.5), "-1.5");
  EXPECT_EQ(coordinate(100), "100");
  EXPECT_EQ(short_name("\xC3\xA9\xC3\xA9\xC3\xA9", 2), "\xC3\xA9\xC3\xA9\xE2\x80\xA6");
  EXPECT_EQ(short_name("<<<", 2), "&lt;&lt;\xE2\x80\xA6") << "cut before it is escaped: an entity is never cut in two";
}

TEST(ReportTicks, AreRoundAndCover) {
  EXPECT_EQ(ticks(0, 1, 5), (std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}));
  const std::vector<std::pair<double, double>> ranges{{3, 97}, {0.00001, 0.001}, {-2, 2.3}, {5, 5}, {0, 0}, {1, 1e6}, {2.1, 2.1000001}};
  for (const auto& [low, high] : ranges) {
    const std::vector<double> t = ticks(low, high, 5);
    EXPECT_LE(t.front(), low + 1e-9);
    EXPECT_GE(t.back(), high - 1e-9 * std::abs(high) - (high - low) * 1e-6);
    EXPECT_GE(t.size(), 2u);
    EXPECT_LE(t.size(), 12u);
  }
}

}  // namespace
}  // namespace mvmoe::report
