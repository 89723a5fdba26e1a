// Stages of a pipeline: each runs again exactly when what it reads has changed. Wrong but plausible, and what shows it:
// a stage repeated though nothing changed, an edited file overwritten, what a later stage had made lost, a stage that
// was stopped begun anew, or one that was stopped taken for done.
#include "tools/pipeline/stages.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "engine/error.h"
#include "engine/files.h"
#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

class StagesTest : public testing::Test {
 protected:
  StagesTest() : folder(fs::temp_directory_path() / ("mvmoe-stages-test-" + std::to_string(getpid()))) {
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  ~StagesTest() override { fs::remove_all(folder); }

  std::string text(const fs::path& file) const {
    const auto bytes = read_file(folder / file);
    return {bytes.begin(), bytes.end()};
  }

  // first writes a.txt; second reads it and writes the folder b; third reads both and writes c.txt.
  Stages stages() {
    const auto stage = [&](const char* name, std::vector<fs::path> inputs, fs::path output, fs::path file) {
      return Stage{name,
                   name,
                   inputs,
                   {output},
                   {file},
                   [=, this] {
                     if (refused_in == name) fail("refused");
                   },
                   [=, this] {
                     ++runs[name];
                     if (stopped_in == name) return 75;
                     if (edits_in == name) write_file(folder / "a.txt", "edited while it ran");
                     std::string made;
                     for (const fs::path& input : inputs) made += text(input) + ";";
                     fs::create_directories((folder / file).parent_path());
                     write_file(folder / file, made + name);
                     return 0;
                   }};
    };
    return Stages(folder, {stage("first", {}, "a.txt", "a.txt"), stage("second", {"a.txt"}, "b", "b/file"),
                           stage("third", {"a.txt", "b/file"}, "c.txt", "c.txt")});
  }
  int run() {
    return stages().run([](int, const Stage&) {}, [&] { return stop_after_a_stage ? 130 : 0; });
  }

  fs::path folder;
  std::map<std::string, int> runs;
  std::string stopped_in, refused_in, edits_in;
  bool stop_after_a_stage = false;
};

TEST_F(StagesTest, EachRunsOnceAndTheSameCommandDoesNothing) {
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(runs, (std::map<std::string, int>{{"first", 1}, {"second", 1}, {"third", 1}}));
  EXPECT_EQ(text("c.txt"), "first;first;second;third");
}

TEST_F(StagesTest, AStoppedStageGoesOnAndKeepsWhatItHas) {
  stopped_in = "second";
  fs::create_directories(folder / "b");
  EXPECT_EQ(run(), 75);
  fs::create_directories(folder / "b");
  write_file(folder / "b/half", "half");  // what the stage itself had made before it was stopped
  stopped_in = "";
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(runs["first"], 1);
  EXPECT_EQ(runs["second"], 2);
  EXPECT_EQ(text("b/half"), "half");
}

TEST_F(StagesTest, AnEditedFileStaysAndWhatFollowsIsMadeAgainAndMovesAside) {
  run();
  write_file(folder / "a.txt", "edited");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(runs, (std::map<std::string, int>{{"first", 1}, {"second", 2}, {"third", 2}}));
  EXPECT_EQ(text("a.txt"), "edited");
  EXPECT_EQ(text("b/file"), "edited;second");
  EXPECT_EQ(text("earlier-1/b/file"), "first;second");
  EXPECT_EQ(text("earlier-1/c.txt"), "first;first;second;third");
  write_file(folder / "a.txt", "edited again");
  run();
  EXPECT_EQ(text("earlier-2/b/file"), "edited;second");
}

TEST_F(StagesTest, AMissingFileIsMadeAgain) {
  run();
  fs::remove(folder / "c.txt");
  run();
  EXPECT_EQ(runs["third"], 2);
  EXPECT_EQ(runs["second"], 1);
}

TEST_F(StagesTest, AStageStoppedWithOtherInputBeginsAnew) {
  run();
  write_file(folder / "a.txt", "edited");
  stopped_in = "second";
  EXPECT_EQ(run(), 75);
  fs::create_directories(folder / "b");
  write_file(folder / "b/half", "of the first edit");
  write_file(folder / "a.txt", "edited again");
  stopped_in = "";
  run();
  EXPECT_FALSE(fs::exists(folder / "b/half"));
  EXPECT_EQ(text("earlier-2/b/half"), "of the first edit");
}

TEST_F(StagesTest, WhatIsEditedWhileAStageRunsWasNotReadByIt) {
  edits_in = "second";
  run();
  edits_in = "";
  EXPECT_EQ(runs["second"], 1);
  run();
  EXPECT_EQ(runs["second"], 2);
  EXPECT_EQ(text("b/file"), "edited while it ran;second");
}

TEST_F(StagesTest, WhatCannotBeReadMovesNothingAside) {
  run();
  const std::string before = text("b/file");
  write_file(folder / "a.txt", "a slip");
  refused_in = "second";
  EXPECT_EQ(message_of([&] { run(); }), "refused");
  EXPECT_EQ(text("b/file"), before);
  refused_in = "";
  write_file(folder / "a.txt", "first");
  run();
  EXPECT_EQ(runs["second"], 1);
}

TEST_F(StagesTest, TheNextOneIsCheckedAlone) {
  run();
  refused_in = "second";
  EXPECT_NO_THROW(stages().check_next()) << "it is done";
  write_file(folder / "a.txt", "edited");
  const std::string memory = text("stages.json");
  EXPECT_THROW(stages().check_next(), Error);
  refused_in = "third";
  EXPECT_NO_THROW(stages().check_next()) << "it is not the next one";
  refused_in = "first";
  EXPECT_NO_THROW(stages().check_next()) << "it is done";
  EXPECT_EQ(text("stages.json"), memory);
  EXPECT_EQ(runs, (std::map<std::string, int>{{"first", 1}, {"second", 1}, {"third", 1}}));
}

TEST_F(StagesTest, AMissingResultIsMadeInPlace) {
  run();
  fs::remove(folder / "b/file");
  write_file(folder / "b/checkpoint", "half the work");
  run();
  EXPECT_EQ(runs["second"], 2);
  EXPECT_EQ(text("b/checkpoint"), "half the work");
  EXPECT_EQ(runs["third"], 1);  // what it reads is what it was
}

TEST_F(StagesTest, AStopBetweenStagesIsObeyed) {
  stop_after_a_stage = true;
  EXPECT_EQ(run(), 130);
  EXPECT_EQ(runs, (std::map<std::string, int>{{"first", 1}}));
}

TEST_F(StagesTest, ADamagedMemoryIsNamed) {
  run();
  write_file(folder / "stages.json", "{\"first\": 3}");
  EXPECT_NE(message_of([&] { run(); }).find("stages.json"), std::string::npos);
  for (const auto& [text, what] : {std::pair{"{\"first\": ", " is not valid JSON at its byte 11"},
                                   {"{\"first\": [[[[[[[[[[]]]]]]]]]]}", " is nested too deeply"},
                                   {"{\"first\": 1, \"first\": 2}", " names 'first' twice"}}) {
    write_file(folder / "stages.json", std::string_view(text));
    EXPECT_EQ(message_of([&] { run(); }), (folder / "stages.json").string() + ":" + what);
  }
}

}  // namespace
}  // namespace mvmoe
