// A study's parts. Wrong but plausible, and what shows it: an error over n instead of n - 1, or without the root of n;
// a gain paired with another seed; a run that begins before what it needs; two processes that begin at one place; a
// process that ends while a run still waits for another's; a crossed value that loses its flag; a shared training made
// twice.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "tests/tools/page_checker.h"
#include "tools/study/page.h"
#include "tools/study/plan.h"
#include "tools/study/record.h"
#include "tools/study/results.h"
#include "tools/study/study_file.h"

namespace mvmoe::study {
namespace {

namespace fs = std::filesystem;

// In a test, Run is GoogleTest's own.
using Runs = std::vector<Run>;
using OneRun = Run;

std::optional<Shared> nothing_shared(const OneRun&) { return {}; }

Study parsed(const char* text) { return parse_study("FILE", nlohmann::json::parse(text)); }

std::string refusal(const char* text) {
  try {
    const Study study = parsed(text);
    plan_runs("FILE", study, nothing_shared);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "nothing was refused";
}

std::vector<std::string> names_of(const Study& study) {
  std::vector<std::string> names;
  for (const Variant& v : study.variants) names.push_back(v.name);
  return names;
}

std::vector<std::string> folders_of(const Runs& runs) {
  std::vector<std::string> folders;
  for (const OneRun& run : runs) folders.push_back(run.folder);
  return folders;
}

using Names = std::vector<std::string>;

TEST(StudyFile, VariantsTakeTheStudysFlagsAndTheirOwnWin) {
  const Study study =
      parsed(R"({"seeds": [3, 1], "flags": {"epochs": 8, "lr": 0.001, "flip": true, "mean": [0.5, 0.25]},
                                 "variants": [{"name": "a"},
                                              {"name": "b", "flags": {"epochs": "9"}, "seeds": [1],
                                               "hidden": true, "x": 2.5}]})");
  ASSERT_EQ(names_of(study), (Names{"a", "b"}));
  EXPECT_EQ(study.variants[0].flags,
            (FlagMap{{"epochs", "8"}, {"lr", "0.001"}, {"flip", "true"}, {"mean", "0.5 0.25"}}));
  EXPECT_EQ(study.variants[1].flags,
            (FlagMap{{"epochs", "9"}, {"lr", "0.001"}, {"flip", "true"}, {"mean", "0.5 0.25"}}));
  EXPECT_EQ(study.variants[0].seeds, (std::vector<std::uint64_t>{3, 1}));
  EXPECT_EQ(study.variants[1].seeds, (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(study.variants[1].x, 2.5);
  EXPECT_TRUE(study.variants[1].hidden);
  EXPECT_EQ(study.variants[0].command, "pipeline");
}

TEST(StudyFile, CrossedFlagsMakeEachCombinationOnce) {
  const Study study = parsed(
      R"({"cross": {"experts": [5, 10], "model": ["vit-1x16", {"name": "two", "value": "vit-2x16"}]},
          "plot": {"x": "experts"}})");
  EXPECT_EQ(names_of(study), (Names{"experts=5,model=vit-1x16", "experts=5,model=two", "experts=10,model=vit-1x16",
                                    "experts=10,model=two"}));
  EXPECT_EQ(study.variants[3].flags, (FlagMap{{"experts", "10"}, {"model", "vit-2x16"}}));
  EXPECT_EQ(study.variants[3].x, 10);
  EXPECT_EQ(study.variants[3].series, "model two");
}

TEST(StudyFile, OneCrossedFlagAloneIsTheAxis) {
  const Study study = parsed(R"({"cross": {"experts": [5, 10]}})");
  EXPECT_EQ(study.plot.x, "experts");
  EXPECT_EQ(study.variants[1].x, 10);
  EXPECT_EQ(study.variants[1].series, "");
}

TEST(StudyFile, ErrorsNameTheFileAndThePlace) {
  EXPECT_EQ(refusal(R"({"variants": [{"name": "a"}, {"name": "a"}]})"), "FILE: variant a: two variants are named 'a'");
  EXPECT_EQ(refusal(R"({"variants": [{"nam": "a"}]})"),
            "FILE: variants, number 1: 'nam' is no key here: did you mean 'name'?");
  EXPECT_EQ(refusal(R"({"variants": [{"name": "a", "flags": {"init-from": "{run:b}"}}]})"),
            "FILE: variant a: init-from: {run:b}: no variant is named so");
  EXPECT_EQ(
      refusal(R"({"variants": [{"name": "a", "flags": {"f": "{run:b}"}}, {"name": "b", "flags": {"f": "{run:a}"}}]})"),
      "FILE: variant a: needs its own run, by way of {run:...}");
  EXPECT_EQ(
      refusal(
          R"({"seeds": [0, 1], "variants": [{"name": "a", "flags": {"f": "{run:b}"}}, {"name": "b", "seeds": [0]}]})"),
      "FILE: variant a: f: {run:b}: that variant has no seed 1");
}

TEST(StudyPlan, ASeedAtATimeAndNeedsFirst) {
  const Study study = parsed(
      R"({"seeds": [0, 7], "variants": [{"name": "late", "flags": {"teacher": "{run:big}/last",
                                                                   "data": "d:seed={seed}"}},
                                          {"name": "big"}]})");
  const Runs runs = plan_runs("FILE", study, nothing_shared);
  EXPECT_EQ(folders_of(runs), (Names{"runs/big/seed-0", "runs/late/seed-0", "runs/big/seed-7", "runs/late/seed-7"}));
  EXPECT_EQ(runs[3].needs, (std::vector<std::size_t>{2}));
  EXPECT_EQ(runs[3].flags.at("data"), "d:seed=7");
  EXPECT_EQ(runs[3].flags.at("seed"), "7");
  EXPECT_EQ(with_folders(runs[3].flags.at("teacher"), "here"), "here/runs/big/seed-7/last");
}

TEST(StudyPlan, ReferencesBetweenCrossedVariantsMeanTheSameValues) {
  const Study study = parsed(
      R"({"cross": {"model": ["m", "n"]}, "variants": [{"name": "a", "flags": {"f": "{run:b}"}}, {"name": "b"}]})");
  const Runs runs = plan_runs("FILE", study, nothing_shared);
  EXPECT_EQ(folders_of(runs), (Names{"runs/b,model=m/seed-0", "runs/a,model=m/seed-0", "runs/b,model=n/seed-0",
                                     "runs/a,model=n/seed-0"}));
}

TEST(StudyPlan, ASharedTrainingIsOneRun) {
  const Study study = parsed(R"({"cross": {"experts": [5, 10]}})");
  const Runs runs = plan_runs("FILE", study, [](const OneRun&) {
    return Shared{"dense/d", {{"epochs", "8"}}, "dense", "{folder:dense/d}"};
  });
  EXPECT_EQ(folders_of(runs), (Names{"dense/d", "runs/experts=5/seed-0", "runs/experts=10/seed-0"}));
  EXPECT_EQ(runs[2].needs, (std::vector<std::size_t>{0}));
  EXPECT_EQ(runs[2].flags.at("dense"), "{folder:dense/d}");
  EXPECT_EQ(runs[0].command, "train");
}

// Six runs: 1 and 2 need 0; 4 and 5 need 3.
Runs two_families() {
  Runs runs(6);
  for (const std::size_t i : {1, 2}) runs[i].needs = {0};
  for (const std::size_t i : {4, 5}) runs[i].needs = {3};
  return runs;
}

TEST(StudyChoice, BeginsAtItsPlaceWithWhatThatNeeds) {
  const Runs runs = two_families();
  std::vector<Status> status(6, Status::open);
  EXPECT_EQ(choose(runs, status, 0).run, 0u);
  EXPECT_EQ(choose(runs, status, 3).run, 3u);
  EXPECT_EQ(choose(runs, status, 5).run, 3u);  // 5 needs it
  status[3] = Status::done;
  EXPECT_EQ(choose(runs, status, 5).run, 5u);
  status[5] = status[4] = Status::done;
  EXPECT_EQ(choose(runs, status, 5).run, 0u);  // around
}

TEST(StudyChoice, PassesOverWhatOthersMakeAndWaitsOnlyForWhatIsNeeded) {
  const Runs runs = two_families();
  std::vector<Status> status(6, Status::open);
  status[0] = Status::busy;
  EXPECT_EQ(choose(runs, status, 0).run, 3u);
  status[3] = status[4] = status[5] = Status::done;
  EXPECT_FALSE(choose(runs, status, 0).run);
  EXPECT_TRUE(choose(runs, status, 0).waits);  // 1 and 2 are open yet
  status[0] = Status::done, status[1] = status[2] = Status::busy;
  EXPECT_FALSE(choose(runs, status, 0).run);
  EXPECT_FALSE(choose(runs, status, 0).waits);  // nothing is left for this process
}

TEST(StudyChoice, WhatNeedsAFailedRunIsNeitherTakenNorWaitedFor) {
  const Runs runs = two_families();
  std::vector<Status> status{Status::failed, Status::open, Status::open, Status::done, Status::done, Status::done};
  EXPECT_FALSE(choose(runs, status, 0).run);
  EXPECT_FALSE(choose(runs, status, 0).waits);
  Runs both(3);
  both[2].needs = {0, 1};
  EXPECT_FALSE(choose(both, {Status::busy, Status::failed, Status::open}, 0).waits);
  EXPECT_TRUE(choose(both, {Status::busy, Status::done, Status::open}, 0).waits);
}

TEST(StudyChoice, TasksBeginFarApart) {
  EXPECT_EQ(start_of(0, 4, 30), 0u);
  EXPECT_EQ(start_of(1, 4, 30), 7u);
  EXPECT_EQ(start_of(3, 4, 30), 22u);
}

TEST(StudyEstimate, MeanAndStandardErrorByHand) {
  const Estimate e = estimate({1, 2, 6});  // mean 3, squares 4 + 1 + 9 = 14, s^2 = 7
  EXPECT_EQ(e.n, 3);
  EXPECT_DOUBLE_EQ(e.mean, 3);
  EXPECT_DOUBLE_EQ(e.error.value(), std::sqrt(7.0 / 3));
  EXPECT_FALSE(estimate({5}).error);
  EXPECT_DOUBLE_EQ(estimate({5}).mean, 5);
  EXPECT_EQ(estimate({}).n, 0);
}

class StudyFolder : public testing::Test {
 protected:
  StudyFolder() : folder(fs::temp_directory_path() / ("mvmoe-study-test-" + std::to_string(getpid()))) {
    fs::remove_all(folder);
  }
  ~StudyFolder() override { fs::remove_all(folder); }

  void plan(const char* text) {
    study = parsed(text);
    runs = plan_runs("FILE", study, nothing_shared);
  }
  void finish(const std::string& run_folder, std::map<std::string, double> figures) {
    end(run_folder, {.command = {},
                     .flags = {},
                     .state = Record::State::done,
                     .error = {},
                     .seconds = 1,
                     .figures = std::move(figures)});
  }
  void end(const std::string& run_folder, Record record) {
    for (const OneRun& run : runs)
      if (run.folder == run_folder) record.command = run.command, record.flags = run.flags;
    fs::create_directories(folder / run_folder);
    write_record(folder / run_folder, record);
  }

  fs::path folder;
  Study study;
  Runs runs;
};

TEST_F(StudyFolder, GainsOverABaselineArePairedBySeed) {
  plan(
      R"({"command": "train", "baseline": "plain", "seeds": [0, 1, 2],
          "variants": [{"name": "better"}, {"name": "plain"}]})");
  finish("runs/plain/seed-0", {{"top1", 10}, {"dense_top1", 10}});
  finish("runs/plain/seed-1", {{"top1", 40}, {"dense_top1", 40}});
  finish("runs/better/seed-0", {{"top1", 11}, {"dense_top1", 11}});
  finish("runs/better/seed-1", {{"top1", 43}, {"dense_top1", 43}});
  finish("runs/better/seed-2", {{"top1", 90}, {"dense_top1", 90}});  // without a partner
  const Results results = read_results(study, runs, folder);
  const Row& better = results.rows[0];
  EXPECT_EQ(better.gain.n, 2);
  EXPECT_DOUBLE_EQ(better.gain.mean, 2);           // of 1 and 3
  EXPECT_DOUBLE_EQ(better.gain.error.value(), 1);  // s = sqrt(2), over sqrt(2)
  EXPECT_DOUBLE_EQ(better.dense_top1.mean, 48);
  EXPECT_EQ(results.rows[1].gain.n, 0);  // the baseline over itself
  EXPECT_EQ(results.done, 5);
  EXPECT_EQ(results.runs, 6);
}

TEST_F(StudyFolder, APipelinesGainIsItsOwn) {
  plan(R"({"seeds": [0, 1], "variants": [{"name": "a"}]})");
  finish("runs/a/seed-0", {{"dense_top1", 10}, {"moe_top1", 12}, {"gain", 1.5}});  // over a control, say
  const Results results = read_results(study, runs, folder);
  EXPECT_DOUBLE_EQ(results.rows[0].gain.mean, 1.5);
  EXPECT_FALSE(results.rows[0].gain.error);
  EXPECT_NE(text_table(results).find("a        1 of 2      10.00 +- -       12.00 +- -    +1.50 +- -"),
            std::string::npos)
      << text_table(results);
  EXPECT_EQ(csv(results),
            "variant,seed,state,command,x,series,top1,dense_top1,moe_top1,control_top1,oracle_top1,random_router_top1,"
            "router_accuracy,gain,gain_error,ari\n"
            "a,0,done,pipeline,,,,10,12,,,,,1.5,,\n"
            "a,1,open,pipeline,,,,,,,,,,,,\n");
}

TEST_F(StudyFolder, ARecordComesBackAsItWas) {
  plan(R"({"variants": [{"name": "a", "flags": {"lr": 0.1}}]})");
  EXPECT_FALSE(read_record(folder / runs[0].folder));
  end(runs[0].folder, {.command = {},
                       .flags = {},
                       .state = Record::State::failed,
                       .error = "a <line>",
                       .seconds = 2.5,
                       .figures = {{"top1", 0.1}}});
  const auto record = read_record(folder / runs[0].folder);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->state, Record::State::failed);
  EXPECT_EQ(record->error, "a <line>");
  EXPECT_EQ(record->seconds, 2.5);
  EXPECT_EQ(record->flags, runs[0].flags);
  EXPECT_EQ(record->figures.at("top1"), 0.1);
}

TEST_F(StudyFolder, OtherFlagsThanBegunAreRefusedMannerIsNot) {
  plan(R"({"variants": [{"name": "a", "flags": {"lr": 0.1, "threads": 4}}]})");
  Record begun{.command = "pipeline",
               .flags = runs[0].flags,
               .state = Record::State::begun,
               .error = {},
               .seconds = 0,
               .figures = {}};
  begun.flags["threads"] = "1";
  EXPECT_NO_THROW(require_same_run("FILE", runs[0], begun, "F", {"threads"}));
  begun.flags["lr"] = "0.2";
  EXPECT_THROW(require_same_run("FILE", runs[0], begun, "F", {"threads"}), UsageError);
  begun.flags.erase("lr");
  EXPECT_THROW(require_same_run("FILE", runs[0], begun, "F", {"threads"}), UsageError);
  begun.flags["lr"] = "0.1", begun.flags["epochs"] = "3";
  EXPECT_THROW(require_same_run("FILE", runs[0], begun, "F", {"threads"}), UsageError);
}

TEST_F(StudyFolder, OneHoldsARunAtATime) {
  auto first = claim(folder / "runs/a/seed-0");
  ASSERT_TRUE(first);
  EXPECT_FALSE(claim(folder / "runs/a/seed-0"));
  EXPECT_NE(holder_of(folder / "runs/a/seed-0").value_or("").find("process " + std::to_string(getpid())),
            std::string::npos);
  first.reset();
  EXPECT_FALSE(holder_of(folder / "runs/a/seed-0"));
  EXPECT_TRUE(claim(folder / "runs/a/seed-0"));
}

TEST_F(StudyFolder, ThePageIsWholeAtAnyMoment) {
  plan(
      R"({"title": "Size & <gain>", "seeds": [0, 1], "cross": {"experts": [2, 4], "model": ["m", "n"]},
          "plot": {"x": "experts", "label": "<experts>", "log": true}})");
  EXPECT_EQ(report::complaint_about(page_of(study, read_results(study, runs, folder), folder)),
            "");  // nothing is done yet
  finish("runs/experts=2,model=m/seed-0", {{"dense_top1", 10}, {"moe_top1", 12}, {"gain", 2}, {"router_accuracy", 50}});
  finish("runs/experts=2,model=m/seed-1", {{"dense_top1", 10}, {"moe_top1", 16}, {"gain", 6}});
  finish("runs/experts=4,model=m/seed-0", {{"dense_top1", 10}, {"moe_top1", 9}, {"gain", -1}});
  end("runs/experts=4,model=n/seed-1",
      {.command = {}, .flags = {}, .state = Record::State::failed, .error = "<broken>", .seconds = 0, .figures = {}});
  write_file(folder / "runs/experts=2,model=m/seed-0/report.html", "a page");
  const std::string page = page_of(study, read_results(study, runs, folder), folder);
  EXPECT_EQ(report::complaint_about(page), "");
  for (const char* part :
       {"Size &amp; &lt;gain&gt;", "3 of 8 runs done, 1 failed", "+4.00 <small>\xC2\xB1 2.00</small>",
        "&lt;experts&gt;", "&lt;broken&gt;", "<a href=\"runs/experts=2,model=m/seed-0/report.html\">0</a>",
        "class=\"zero\"", "class=\"error\"", "experts=2,model=m, seed 1: 6.00"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
}

}  // namespace
}  // namespace mvmoe::study
