// The page of a pipeline. What could be wrong and still look right, and what shows it: a name that breaks out of its
// place (odd names, a checker of tags and entities, every attribute quoted); classes in another order than the matrix
// (a matrix with one entry, found where it must be); a headline that praises noise (gains on both sides of the standard
// error).
#include <gtest/gtest.h>

#include "tests/tools/page_checker.h"
#include "tests/tools/report_fixture.h"
#include "tools/report/html.h"
#include "tools/report/png.h"
#include "tools/report/sections.h"
#include "train/data/dataset.h"

namespace mvmoe::report {
namespace {

TEST(ReportChecker, SeesWhatIsWrong) {
  EXPECT_EQ(complaint_about("<p class=\"a\">1 &lt; 2<br></p><svg><rect/></svg><style>a > b</style>"), "");
  for (const char* wrong :
       {"<p>", "</p>", "<p></b></p>", "<p class=a></p>", "<p class=\"a></p>", "<p>&</p>", "<p>1 < 2</p>",
        "<p>1 > 2</p>", "<p id=\"x\"></p><p id=\"x\"></p>", "<p a=\"\" a=\"\"></p>", "<p title=\"<\"></p>"})
    EXPECT_NE(complaint_about(wrong), "") << wrong;
  EXPECT_EQ(outside_reference("<a href=\"#x\"> on <img src=\"data:image/png;base64,AA==\">"), "");
  for (const char* wrong : {"<img src=\"a.png\">", "<a href=\"https://x\">", "<p onclick=\"x\">",
                            "a{background:url(x)}", "<script>", "<img src=\"data:text/html,x\">"})
    EXPECT_NE(outside_reference(wrong), "") << wrong;
}

TEST(ReportPipeline, EverySectionIsThereAndThePageIsSound) {
  Fixture f;
  const std::string page = f.page();
  expect_sound(page);
  for (const char* id :
       {"comparison", "lost", "curves", "confusion", "superclasses", "experts", "misrouted", "configuration"}) {
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

TEST(ReportPipeline, SaysWhereBothNetworksBegan) {
  Fixture f;
  EXPECT_FALSE(has(f.page(), "both begun from"));
  f.comparison["init_from"] = nullptr;
  EXPECT_FALSE(has(f.page(), "both begun from"));
  f.comparison["init_from"] = "before/<i>.safetensors";
  EXPECT_TRUE(has(f.page(), "for each model, both begun from the weights in before/&lt;i&gt;.safetensors. Experts in"));
}

TEST(ReportPipeline, NamesComeOutAsTheyAre) {
  Fixture f;
  const std::string page = f.page();
  for (const char* shown : {"&lt;b&gt;&amp;&quot;&#39;", "a,&quot;b&quot;, c", "tab\\x09line\\x0aend\\x1b[31m",
                            "caf\xEF\xBF\xBD", "A &lt;processor&gt;", "&lt;spec&gt;"}) {
    EXPECT_TRUE(has(page, shown)) << shown;
  }
  for (const std::string& name : f.classes) EXPECT_FALSE(has(page, name)) << printable(name);
}

TEST(ReportPipeline, TheMatrixIsOrderedBySuperclass) {
  Fixture f;
  const std::string page = f.page();
  // Class 3 taken for class 1 is the largest entry: row 1, column 0 of the order 1, 3, 0, 2. Cells are 640 / 4 wide.
  const std::size_t title = page.find("<title>caf\xEF\xBF\xBD taken for a,&quot;b&quot;, c: 60.0"),
                    cell = page.rfind("<rect class=\"cell\"", title);
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
  EXPECT_TRUE(has(page.substr(row, 1500),
                  "a,&quot;b&quot;, c <small>51\xE2\x80\xAF%</small></li><li>caf\xEF\xBF\xBD <small>31\xE2\x80\xAF%"));
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
  for (const char* untrue : {"perfect router", "belongs to", "class=\"mark\"", "<section id=\"lost\""})
    EXPECT_FALSE(has(page, untrue)) << untrue;
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
INSTANTIATE_TEST_SUITE_P(
    Gains, ReportHeadline,
    testing::Values(Headline{5, "<h1>2 experts gain 5.00 points of top-1 accuracy</h1>",
                             "; the difference is 4.5 of them."},
                    Headline{2, "<h1>2 experts gain 2.00 points", "less than two of them, which is weak evidence"},
                    Headline{1, "<h1>2 experts change nothing that 4,000 test images could show</h1>",
                             "the difference is within noise"},
                    Headline{0, "<h1>2 experts change nothing", "within noise"},
                    Headline{-1, "<h1>2 experts change nothing", "within noise"},
                    Headline{-6, "<h1>2 experts lose 6.00 points of top-1 accuracy</h1>",
                             "\xE2\x88\x92"
                             "6.00 points"}));
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
  EXPECT_TRUE(has(page,
                  "<td>40.00\xE2\x80\xAF%</td><td>43.50\xE2\x80\xAF%</td><td>45.00\xE2\x80\xAF%</td><td "
                  "class=\"change\">+1.50</td>"));
}

TEST(ReportPipeline, WhatWasNotMeasuredIsLeftOut) {
  Fixture f;
  f.comparison["routing"] = "token";
  for (const char* key : {"oracle_top1", "random_router_top1", "ari", "nmi", "expert_of_class", "misrouted"})
    f.comparison[key] = nullptr;
  for (const char* key : {"router_accuracy", "expert_load"}) f.comparison["moe"][key] = nullptr;
  f.confusion = {
      {1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 0}};  // nothing is confused, and one class has no image
  const std::string page = f.page();
  expect_sound(page);
  for (const char* id : {"lost", "experts", "misrouted"})
    EXPECT_FALSE(has(page, std::string("<section id=\"") + id + "\">")) << id;
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
  f.comparison["misrouted"] = {
      {{"index", 7}, {"class", glyphs.test.labels[7]}, {"expert", 1}, {"probability", 0.9}, {"predicted", 5}}};
  const std::string page = f.page();
  expect_sound(page);
  EXPECT_EQ(count(page, "<img "), 12 + 6 + 1)
      << "two rows of super-class 0, one of super-class 1, and the image that went wrong";
  EXPECT_TRUE(has(page.substr(page.find("<section id=\"misrouted\">")), thumbnail(glyphs.test, 7)));
  f.comparison["misrouted"][0]["class"] = glyphs.test.labels[7] + 1;  // then it is not the data set that was trained on
  const std::string without = f.page();
  EXPECT_FALSE(has(without, "<img "));
  EXPECT_TRUE(has(without, "Without images: glyphs: is another data set"));
}

TEST(ReportPipeline, AThousandClassesStayASmallPage) {
  Fixture f;
  f.classes.clear(), f.superclass_of.clear();
  for (int c = 0; c < 1000; ++c)
    f.classes.push_back("class " + std::to_string(c) + std::string(300, 'x')), f.superclass_of.push_back(c / 2);
  f.confusion.assign(1000, std::vector<double>(1000));
  for (std::size_t i = 0; i < 1'000'000; ++i)
    f.confusion[i / 1000][i % 1000] = static_cast<double>(i * 2654435761u % 1000);
  f.comparison["experts"] = 500;
  f.comparison["moe"]["expert_load"] = std::vector<double>(500, 0.2);
  f.comparison["expert_of_class"] = std::vector<std::vector<int>>(1000, std::vector<int>(500, 1));
  f.comparison["misrouted"] = Json::array();
  const std::string page = f.page();
  expect_sound(page);
  EXPECT_LT(page.size(), 2'000'000u);
  EXPECT_EQ(count(page, "And 400 more."), 2);
}

}  // namespace
}  // namespace mvmoe::report
