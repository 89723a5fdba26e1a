// A run's folder whose files are missing, damaged, or of another run: each is named, and none is passed over in
// silence.
#include <gtest/gtest.h>

#include "tests/tools/page_checker.h"
#include "tests/tools/report_fixture.h"

namespace mvmoe::report {
namespace {

struct Damage {
  const char* name;
  const char* file;
  const char* contents;  // null: the file is removed
  const char* says;
};

class ReportDamage : public testing::TestWithParam<Damage> {};
INSTANTIATE_TEST_SUITE_P(
    Files, ReportDamage,
    testing::Values(
        Damage{"no_config", "dense/config.json", nullptr, "No such file"},
        Damage{"no_log", "moe/log.csv", nullptr, "No such file"},
        Damage{"no_confusion", "confusion.csv", nullptr, "No such file"},
        Damage{"no_comparison", "comparison.json", nullptr, "No such file"},
        Damage{"no_division", "superclasses.json", nullptr, "No such file"},
        Damage{"config_no_json", "dense/config.json", "{", "is not valid JSON at its byte 2"},
        Damage{"config_a_list", "dense/config.json", "[1]", "must be a JSON object"},
        Damage{"log_empty", "dense/log.csv", "", "names no column epoch"},
        Damage{"log_cut", "dense/log.csv", "epoch,train_loss,test_top1\n1,2.5", "line 2 has 2 cells, must have 3"},
        Damage{"log_word", "dense/log.csv", "epoch,train_loss,test_top1\n1,x,3\n",
               "line 2, train_loss: 'x' is not a finite number"},
        Damage{"log_nan", "dense/log.csv", "epoch,train_loss,test_top1\n1,nan,3\n", "'nan' is not a finite number"},
        Damage{"log_twice", "dense/log.csv", "epoch,train_loss,test_top1\n1,2,3\n1,2,3\n",
               "line 3: its epoch must be above 1"},
        Damage{"confusion_empty", "confusion.csv", "", "is empty, must be a confusion matrix"},
        Damage{"confusion_quote", "confusion.csv", "\"class", "is never closed"},
        Damage{"confusion_shape", "confusion.csv", ",a,b\na,1,2\n", "the row of 'b' is missing"},
        Damage{"confusion_row", "confusion.csv", ",a,b\na,1\nb,1,2\n", "row 1 (a) has 1 entries, must have 2"},
        Damage{"confusion_order", "confusion.csv", ",a,b\nb,1,2\na,1,2\n", "row 1 is 'b', must be 'a'"},
        Damage{"confusion_negative", "confusion.csv", ",a,b\na,1,-2\nb,1,2\n",
               "row 1 (a), column 2 (b): -2 is negative"},
        Damage{"confusion_inf", "confusion.csv", ",a,b\na,1,inf\nb,1,2\n",
               "row 1 (a), column 2 (b): inf is not finite"},
        Damage{"confusion_classes", "confusion.csv", ",a,b\na,1,2\nb,1,2\n", "are not those of comparison.json"},
        Damage{"division_no_json", "superclasses.json", "{", "is not valid JSON"},
        Damage{"division_kind", "superclasses.json", "{\"superclasses\": 3}", "must be an object with"},
        Damage{"division_edited", "superclasses.json", "{\"superclasses\": [[\"a\"]]}",
               "super-class 0 names 'a', which is no class"},
        Damage{"comparison_no_json", "comparison.json", "{\"a\": 1e999}", "is not valid JSON"},
        Damage{"comparison_empty", "comparison.json", "{}", "data is missing"}),
    [](const auto& info) { return std::string(info.param.name); });
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

TEST(ReportPipeline, ADivisionThatTheExpertsWereNotTrainedForIsRefused) {
  Fixture f;
  f.write();
  const auto file = f.folder / "superclasses.json";
  const std::vector<std::string>& names = f.classes;
  const auto divided = [&](const std::vector<std::vector<std::string>>& sets) {
    return Json{{"superclasses", sets}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  save(file, divided({{names[0], names[1]}, {names[2], names[3]}}));
  EXPECT_TRUE(
      has(message_of([&] { page_of({f.folder.path()}); }), "is not the division that the experts were trained for"));
  save(file, divided({{names[0], names[2]}, {names[3], names[1]}}));  // in another order, the same
  EXPECT_NO_THROW(page_of({f.folder.path()}));
}

struct Change {
  const char* pointer;
  Json value;
  const char* says;
};

TEST(ReportPipeline, AFigureOfTheWrongKindIsNamed) {
  const std::vector<Change> changes{
      {"/dense/top1", "x", "dense: top1 must be a number"},
      {"/dense/top1", 101, "dense: top1 is 101, must be from 0 to 100"},
      {"/moe/ms", 0, "moe: ms is 0"},
      {"/moe", 3, "moe must be an object"},
      {"/experts", 2.5, "experts is 2.5, must be a whole number"},
      {"/moe/expert_load", {1, 2, 3}, "expert_load must be a list of 2"},
      {"/moe/expert_load", {"a", 2}, "expert_load holds \"a\""},
      {"/expert_of_class", {{1, 2}}, "expert_of_class must be a list of 4"},
      {"/expert_of_class/2/1", -1, "expert_of_class holds -1"},
      {"/misrouted/0/class", 4, "misrouted: class is 4, must be a whole number from 0 to 3"},
      {"/misrouted/0/expert", 2, "expert is 2"},
      {"/misrouted/0/index", -1, "index is -1"},
      {"/routing", nullptr, "routing must be a string"}};
  for (const Change& change : changes) {
    Fixture f;
    f.comparison[Json::json_pointer(change.pointer)] = change.value;
    f.write();
    const std::string message = message_of([&] { page_of({f.folder.path()}); });
    EXPECT_TRUE(message.starts_with((f.folder / "comparison.json").string() + ": ") && has(message, change.says))
        << message;
  }
}

TEST(ReportFolders, WhatIsNoRun) {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder / "empty");
  save(folder / "file", "x");
  EXPECT_TRUE(message_of<UsageError>([&] {
                page_of({folder / "empty"});
              }).starts_with((folder / "empty").string() + ": holds no run"));
  EXPECT_EQ(message_of<UsageError>([&] { page_of({folder / "file"}); }),
            (folder / "file").string() + ": is not a folder, must be the folder of a run");
  EXPECT_EQ(message_of<Error>([&] { page_of({folder / "gone"}); }),
            (folder / "gone").string() + ": No such file or directory");
}

}  // namespace
}  // namespace mvmoe::report
