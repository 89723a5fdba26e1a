// The table and the trace of a training step. Wrong but plausible, and what shows it: a product's work by the wrong
// axis (the network's own formula); the threads' times added instead of averaged, or a step's time that is part in no
// row (the clock of the whole step); a trace that is no JSON; a result that depends on whether somebody looks.
#include "tools/mvmoe/op_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/files.h"
#include "models/cost.h"
#include "tests/engine/helpers.h"
#include "tests/train/small_run.h"
#include "tools/mvmoe/trace.h"

namespace mvmoe {
namespace {

struct RecordedSteps {
  RecordedSteps(const MoeConfig& moe, int threads, bool record, int steps = 5)
      : timelines(static_cast<std::size_t>(threads)) {
    config = small_model();
    config.width = 48, config.image = 16, config.moe = moe;
    ViT model(config);
    model.initialise(3);
    StepConfig step;
    step.schedule = {.rate = 1e-3f, .total_steps = 20};
    step.clip = 1;
    if (moe.balance != Balance::none) step.routing.balance_weight = 0.1f;
    step.lanes = {.threads = threads, .lane_size = 4, .gradient_blocks = 5};
    Trainer trainer(model, step);
    Block memory(static_cast<std::size_t>(images) * (3 * 16 * 16 + 3));
    Batch batch{.images = {memory.data(), {images, 3, 16, 16}},
                .targets = {memory.data() + images * 3 * 16 * 16, {images, 3}},
                .labels = std::vector<int>(images)};
    Random random(0, Place::test);
    for (std::size_t i = 0; i < batch.images.size(); ++i) batch.images[i] = random.normal();
    for (int i = 0; i < images; ++i) batch.targets.row(i)[i % 3] = 1;
    if (record) trainer.lanes.record_into(&timelines);
    for (int s = 0; s < steps; ++s) {
      whole.skip();
      for (Timeline& timeline : timelines) timeline.skip();
      train_step(trainer, batch);
      whole.add("step", Phase::around);
    }
    weights = numbers(model.parameters().weights());
  }
  static constexpr int images = 40;
  ModelConfig config;
  std::vector<Timeline> timelines;
  Timeline whole;
  std::vector<float> weights;
};

const MoeConfig dense{};
const MoeConfig per_token{.experts = 3, .layers = 1, .top_k = 2, .routing = Routing::token};
const MoeConfig whole_batch{
    .experts = 3, .layers = 1, .routing = Routing::image, .balance = Balance::importance_load, .router_noise = 0.3f};

double multiply_adds(const std::vector<OpRow>& rows, OpTime OpRow::*phase) {
  double sum = 0;
  for (const OpRow& row : rows) sum += (row.*phase).work.multiply_adds;
  return sum;
}

TEST(OpTable, ProductsDoWhatTheFormulaSays) {
  for (const MoeConfig& moe : {dense, per_token, whole_batch}) {
    const RecordedSteps run(moe, 2, true);
    const auto rows = op_rows(run.timelines, 5);
    const double forward = static_cast<double>(cost(run.config).executed_macs) * RecordedSteps::images;
    EXPECT_NEAR(multiply_adds(rows, &OpRow::forward), forward, 1e-9 * forward);
    const double patches = static_cast<double>(run.config.patches() * 3 * 4 * 4 * 48) *
                           RecordedSteps::images;  // no gradient of the images
    EXPECT_NEAR(multiply_adds(rows, &OpRow::backward), 2 * forward - patches, 1e-9 * forward);
  }
}

TEST(OpTable, RowsSumToTheStep) {
  for (const int threads : {1, 2}) {
    const RecordedSteps run(dense, threads, true);
    double shares = 0, ms = 0, step = 0;
    for (const OpRow& row : op_rows(run.timelines, 5)) {
      shares += row.share;
      ms += row.forward.ms + row.backward.ms;
    }
    for (const Event& event : run.whole.events()) step += static_cast<double>(event.end - event.start) / 1e6 / 5;
    EXPECT_NEAR(shares, 1, 1e-9);
    EXPECT_LE(ms, step);
    EXPECT_GT(ms, 0.8 * step) << threads << " threads";  // the rest: this thread was put to sleep between two clocks
  }
}

TEST(OpTable, EveryOperationHasARow) {
  const RecordedSteps run(per_token, 2, true);
  std::string names;
  for (const OpRow& row : op_rows(run.timelines, 5)) {
    names += row.name + ";";
    if (row.name == "gelu") {
      EXPECT_EQ(row.forward.calls, 2 * 10 * 5);  // blocks, lanes, steps
      EXPECT_EQ(row.backward.calls, 2 * 10 * 5);
      EXPECT_EQ(row.forward.work.multiply_adds, 0);
    }
  }
  for (const char* name : {"patch_embed [48, 3, 4, 4]", "embed_tokens", "layer_norm", "linear [144, 48]", "attention",
                           "residual", "gelu", "softmax", "gate", "dispatch", "grouped_linear [3, 192, 48]", "combine",
                           "cross_entropy", "merge", "norm", "update", "wait", "wake"})
    EXPECT_NE((";" + names).find(";" + std::string(name) + ";"), std::string::npos) << name << " is not in " << names;
}

TEST(OpTable, LookingChangesNoBit) {
  for (const MoeConfig& moe : {dense, whole_batch})
    EXPECT_EQ(RecordedSteps(moe, 2, true).weights, RecordedSteps(moe, 2, false).weights);
}

TEST(Trace, IsJsonWhoseThreadsEachSumToTheStep) {
  for (const MoeConfig& moe : {dense, whole_batch}) {
    const RecordedSteps run(moe, 2, true, 20);
    const TemporaryFolder folder;
    write_trace(folder / "trace.json", run.timelines, run.whole);
    const std::vector<std::uint8_t> bytes = read_file(folder / "trace.json");
    const nlohmann::json trace = nlohmann::json::parse(bytes.begin(), bytes.end());
    std::map<int, std::vector<std::pair<double, double>>> tracks;  // begin and end, in microseconds
    std::map<int, std::string> names;
    for (const auto& event : trace.at("traceEvents")) {
      const int track = event.at("tid");
      if (event.at("ph") == "M") names[track] = event.at("args").at("name");
      else tracks[track].push_back({event.at("ts"), event.at("ts").get<double>() + event.at("dur").get<double>()});
    }
    EXPECT_EQ(names, (std::map<int, std::string>{{0, "steps"}, {1, "thread 0"}, {2, "thread 1"}}));
    ASSERT_EQ(tracks[0].size(), 20u);
    for (const int thread : {1, 2}) {
      double closest = 1;  // of all steps, since a busy machine may stop a thread anywhere
      for (const auto& [begin, end] : tracks[0]) {
        double sum = 0, last = begin;
        for (const auto& [first, then] : tracks[thread]) {
          if (first < begin || then > end) continue;
          EXPECT_GE(first, last - 0.002) << "events overlap";
          last = then;
          sum += then - first;
        }
        closest = std::min(closest, std::abs(1 - sum / (end - begin)));
      }
      EXPECT_LT(closest, 0.03) << "thread " << thread - 1;
    }
  }
}

TEST(Trace, AFileThatCannotBeWrittenIsNamed) {
  EXPECT_NE(message_of([] { write_trace("/nonexistent/trace.json", {}, {}); }).find("/nonexistent/trace.json"),
            std::string::npos);
}

}  // namespace
}  // namespace mvmoe
