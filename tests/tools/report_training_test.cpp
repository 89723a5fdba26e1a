// The page of one training, or of several over each other. Wrong but plausible, and what shows it: a column that is
// empty drawn as zeros; two runs of one name that cannot be told apart; a part of a pipeline left out.
#include <gtest/gtest.h>

#include "tests/tools/page_checker.h"
#include "tests/tools/report_fixture.h"
#include "tools/report/html.h"

namespace mvmoe::report {
namespace {

TEST(ReportTraining, OneRun) {
  Fixture f;
  f.write_training("a <run>", ", \"init-from\": \"\"");
  const std::string page = page_of({f.folder / "a <run>"});
  expect_sound(page);
  for (const char* id : {"figures", "curves", "configuration"})
    EXPECT_EQ(count(page, std::string("<section id=\"") + id + "\">"), 1) << id;
  EXPECT_TRUE(has(page, "<h1>40.00\xE2\x80\xAF% top-1</h1>"));
  EXPECT_TRUE(has(page, "a &lt;run&gt;"));
  EXPECT_TRUE(has(page, "vit-6x64 on &lt;spec&gt;, 2 epochs done of 2"));
  EXPECT_TRUE(has(page, "epoch 2: 3.250</title>"));
  EXPECT_EQ(count(page, "<figure class=\"chart\">"), 4)
      << "loss, test, held-out, rate; none for columns that are empty";
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
  save(f.folder / "other/log.csv",
       "epoch,train_loss,test_top1\n1,2,3\n2,1,4\n");  // equal curves would be drawn once, as all
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

}  // namespace
}  // namespace mvmoe::report
