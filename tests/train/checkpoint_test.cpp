// Checkpoints: complete or absent, whole or named as damaged, and a run that goes on from one is the run that was
// never stopped. Wrong but plausible: moments or the average left out, the step left out (schedule and data start
// again), a damaged newest taken for good, an evaluation that was stopped left out or logged twice.
#include "train/checkpoint.h"
#include "train/files/load_model.h"
#include "train/files/weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "tests/train/small_run.h"
#include "train/log/log_csv.h"
#include "train/loop.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

struct SmallRun {
  SmallRun() : model(small_model()), trainer((model.initialise(2), model), step_config()) {
    description.model = small_model();
    description.classes = {"a", "b,\"c\"", "\x01\xff"};
    description.preprocessing = {{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
  }
  static StepConfig step_config() {
    StepConfig c;
    c.schedule = {.warmup_steps = 3, .total_steps = 15};
    c.clip = 1;
    c.ema = 0.9f;
    return c;
  }
  ViT model;
  Trainer trainer;
  ModelDescription description;
};

RunResult run_in(const fs::path& folder, SmallRun& setup, int epochs, bool resume, const std::atomic<int>& stop,
                 std::uint64_t save_every = 2, std::uint32_t start_crc32 = 0) {
  const std::optional<Resumed> resumed = resume ? load_checkpoint(folder, setup.trainer) : std::nullopt;
  static const ImageSet train = small_images(60), test = small_images(20, 3, 8);
  Loader loader(train, small_loader(12), resumed ? resumed->progress.step : 0);
  return run(setup.trainer, {.holdout = nullptr, .test = test, .start_crc32 = start_crc32}, loader, setup.description,
             {.folder = folder, .epochs = epochs, .save_every = save_every, .keep = 2, .quiet = true}, resumed, stop);
}

// log.csv without speed and time.
std::string figures_in(const fs::path& log) {
  std::ifstream file(log);
  std::string all;
  for (std::string line; std::getline(file, line); all += '\n') {
    std::istringstream cells(line + ',');  // else a last cell that is empty would be none
    int column = 1;
    for (std::string cell; std::getline(cells, cell, ','); ++column)
      if (column != 11 && column != 12) all += cell + ',';
  }
  return all;
}

void flip_a_byte(const fs::path& file) {
  std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
  f.seekg(-5, std::ios::end);
  const char c = static_cast<char>(f.get() ^ 1);
  f.seekp(-5, std::ios::end);
  f.put(c);
}

TEST(Checkpoint, AResumedRunIsTheUninterruptedOne) {
  const TemporaryFolder a, b;
  const std::atomic<int> go{0};
  SmallRun whole;
  const RunResult uninterrupted = run_in(a.path(), whole, 3, false, go);
  EXPECT_EQ(uninterrupted.executed_steps, 15u);

  for (int piece = 0; piece < 15; ++piece) {  // every process is told to stop after its first step
    const std::atomic<int> stop{15};
    SmallRun again;
    const RunResult result = run_in(b.path(), again, 3, true, stop);
    EXPECT_EQ(result.resumed_at, static_cast<std::uint64_t>(piece));
    EXPECT_EQ(result.executed_steps, 1u);
    const bool epoch_ended = piece % 5 == 4;
    EXPECT_EQ(result.progress.evaluation_pending, epoch_ended);  // it did not wait for the evaluation
    if (!epoch_ended) continue;
    SmallRun stopped_again, evaluating;
    EXPECT_TRUE(run_in(b.path(), stopped_again, 3, true, stop).progress.evaluation_pending);
    const RunResult evaluated =
        run_in(b.path(), evaluating, (piece + 1) / 5, true, go);  // a run of no more epochs than these
    EXPECT_EQ(evaluated.executed_steps, 0u);
    EXPECT_FALSE(evaluated.progress.evaluation_pending);
  }
  EXPECT_EQ(figures_in(b.path() / "log.csv"), figures_in(a.path() / "log.csv"));
  EXPECT_EQ(read_file(a.path() / "last.safetensors"), read_file(b.path() / "last.safetensors"));
  EXPECT_EQ(read_file(a.path() / "best.safetensors"), read_file(b.path() / "best.safetensors"));
  EXPECT_EQ(read_file(a.path() / "ema.safetensors"), read_file(b.path() / "ema.safetensors"));
  EXPECT_EQ(read_file(a.path() / "checkpoints/step-15/moments.safetensors"),
            read_file(b.path() / "checkpoints/step-15/moments.safetensors"));
}

TEST(Checkpoint, WhereARunBeganStaysWithIt) {
  const TemporaryFolder folder;
  const std::atomic<int> go{0};
  SmallRun first, again, last;
  run_in(folder.path(), first, 1, false, go, 2, 0xdeadbeef);
  EXPECT_EQ(load_checkpoint(folder.path(), again.trainer)->progress.start_crc32, 0xdeadbeefu);
  // A run that goes on begins nowhere: whoever calls it has read no file.
  run_in(folder.path(), again, 2, true, go);
  EXPECT_EQ(load_checkpoint(folder.path(), last.trainer)->progress.start_crc32, 0xdeadbeefu);
}

TEST(Checkpoint, TheNewestDamagedIsPassedOver) {
  const TemporaryFolder folder;
  const std::atomic<int> go{0};
  SmallRun first;
  run_in(folder.path(), first, 1, false, go);
  for (const char* file : {"weights.safetensors", "moments.safetensors", "ema.safetensors", "state.json"}) {
    flip_a_byte(folder.path() / "checkpoints/step-5" / file);
    if (std::string(file) == "state.json") std::ofstream(folder.path() / "checkpoints/step-5/state.json") << "{";
    SmallRun again;
    const auto resumed = load_checkpoint(folder.path(), again.trainer);
    ASSERT_TRUE(resumed);
    EXPECT_EQ(resumed->progress.step, 4u);
    EXPECT_EQ(again.trainer.step, 4u);
    ASSERT_EQ(resumed->warnings.size(), 1u);
    EXPECT_NE(resumed->warnings[0].find("step-5"), std::string::npos) << resumed->warnings[0];
  }
  fs::remove_all(folder.path() / "checkpoints/step-4");
  SmallRun none;
  EXPECT_THROW(load_checkpoint(folder.path(), none.trainer), Error);
}

TEST(Checkpoint, OnlyTheNewestAreKeptAndNothingUnfinishedStays) {
  const TemporaryFolder folder;
  const std::atomic<int> go{0};
  fs::create_directories(folder.path() / "checkpoints/unfinished-12345");
  std::ofstream(folder.path() / "checkpoints/unfinished-12345/weights.safetensors") << "half";
  SmallRun setup;
  run_in(folder.path(), setup, 2, false, go, 1);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path() / "checkpoints"))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"step-10", "step-9"}));
}

// A newer checkpoint that was passed over as damaged takes nobody's place: what was saved after it stays.
TEST(Checkpoint, ADamagedNewerOneDoesNotPushOutTheGood) {
  const TemporaryFolder folder;
  const std::atomic<int> go{0}, stop{15};
  SmallRun first;
  run_in(folder.path(), first, 1, false, go);  // steps 4 and 5 are kept
  flip_a_byte(folder.path() / "checkpoints/step-5/weights.safetensors");
  fs::remove_all(folder.path() / "checkpoints/step-4");
  fs::create_directories(folder.path() / "aside");
  fs::rename(folder.path() / "checkpoints/step-5", folder.path() / "aside/step-5");
  SmallRun again;
  EXPECT_EQ(run_in(folder.path(), again, 1, true, stop).progress.step, 1u);
  fs::rename(folder.path() / "aside/step-5", folder.path() / "checkpoints/step-5");
  SmallRun third;  // passes step 5 over, goes on from step 1, saves step 2
  EXPECT_EQ(run_in(folder.path(), third, 1, true, stop).progress.step, 2u);
  SmallRun fourth;
  EXPECT_EQ(load_checkpoint(folder.path(), fourth.trainer)->progress.step, 2u);
}

// A run whose weights blew up stops before it would save them.
TEST(Checkpoint, WhatIsNotFiniteIsNotSaved) {
  const TemporaryFolder folder;
  const std::atomic<int> go{0};
  SmallRun setup;
  setup.trainer.config.schedule = {.rate = 1e38f, .min_rate = 1e38f, .total_steps = 15};
  setup.trainer.config.clip = 0;
  EXPECT_THROW(run_in(folder.path(), setup, 3, false, go, 1), Error);
  SmallRun again;
  const auto resumed = load_checkpoint(folder.path(), again.trainer);
  if (!resumed) return;  // it blew up in its first step
  for (const float w : numbers(again.model.parameters().weights()))
    ASSERT_TRUE(std::isfinite(w)) << "step " << resumed->progress.step;
}

// Killed after the row was written and before the mark was taken back: the row is written once.
TEST(Checkpoint, APendingEvaluationsRowIsNotWrittenTwice) {
  const TemporaryFolder folder;
  const std::atomic<int> go{0};
  SmallRun first;
  RunResult result = run_in(folder.path(), first, 2, false, go);
  const std::string figures = figures_in(folder.path() / "log.csv");
  result.progress.evaluation_pending = true;
  result.progress.epoch_loss = 5;
  result.progress.epoch_seconds = 1;
  save_progress(folder.path(), result.progress, 2);
  SmallRun again;
  run_in(folder.path(), again, 2, true, go);
  const std::string twice = figures_in(folder.path() / "log.csv");
  EXPECT_EQ(std::count(twice.begin(), twice.end(), '\n'), 3);
  EXPECT_EQ(twice.substr(0, twice.find("\n2,")), figures.substr(0, figures.find("\n2,")));
}

// Weights whose numbers are finite and whose logits are not: found by the evaluation, after they were saved.
TEST(Checkpoint, WhatTheEvaluationFindsNotFiniteIsNoCheckpoint) {
  const TemporaryFolder folder;
  const std::atomic<int> go{0};
  SmallRun first;
  RunResult result = run_in(folder.path(), first, 1, false, go);
  for (const NamedTensor& t : named_tensors(first.model.parameters(), first.model.parameters().weights()))
    if (t.name == "head.weight") std::fill_n(t.value.data(), t.value.size(), 3e38f);
  result.progress.step = 10;
  result.progress.epoch_seconds = 1;
  result.progress.evaluation_pending = true;
  save_checkpoint(folder.path(), first.trainer, first.description, result.progress, 1);
  EXPECT_TRUE(fs::exists(folder.path() / "checkpoints/step-5"));  // it keeps its place until the evaluation is done
  SmallRun again;
  const std::string message = message_of([&] { run_in(folder.path(), again, 2, true, go); });
  EXPECT_NE(message.find("the test loss is"), std::string::npos) << message;
  EXPECT_NE(message.find("checkpoints/step-5;"), std::string::npos) << message;
  EXPECT_FALSE(fs::exists(folder.path() / "checkpoints/step-10"));
}

TEST(Checkpoint, AnotherModelIsNamed) {
  const TemporaryFolder folder;
  const std::atomic<int> go{0};
  SmallRun setup;
  run_in(folder.path(), setup, 1, false, go);
  ModelConfig other = small_model();
  other.width = 24;
  ViT model(other);
  Trainer trainer(model, {});
  try {
    load_checkpoint(folder.path(), trainer);
    FAIL() << "loaded";
  } catch (const Error& e) {
    const std::string message = e.what();
    EXPECT_NE(message.find("cls_token"), std::string::npos) << message;
    EXPECT_NE(message.find("[1, 1, 12]"), std::string::npos) << message;
    EXPECT_NE(message.find("[1, 1, 24]"), std::string::npos) << message;
  }
}

TEST(Weights, CarryTheirDescription) {
  const TemporaryFolder folder;
  SmallRun setup;
  save_weights(folder.path() / "w.safetensors", setup.model, setup.description);
  const LoadedModel loaded = load_model(folder.path() / "w.safetensors");
  EXPECT_EQ(loaded.description.model, setup.description.model);
  EXPECT_EQ(loaded.description.classes[1], "b,\"c\"");
  EXPECT_EQ(loaded.description.preprocessing.std, setup.description.preprocessing.std);
  EXPECT_EQ(numbers(loaded.model->parameters().weights()), numbers(setup.model.parameters().weights()));
}

// The description is a stranger's word: memory is taken for what the tensors are.
TEST(Weights, ASmallFileThatClaimsAHugeNetworkIsRefusedFirst) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "w.safetensors";
  const auto claimed = [&](auto change) {
    SmallRun setup;
    change(setup.description.model);
    save_weights(file, setup.model, setup.description);
    return message_of([&] { load_model(file); });
  };
  EXPECT_EQ(claimed([](ModelConfig&) {}), "nothing was thrown");
  EXPECT_EQ(claimed([](ModelConfig& m) { m.depth = 256, m.width = 16384, m.heads = 1, m.mlp_ratio = 64; }),
            file.string() + ": tensor 'cls_token' is [1, 1, 12], must be [1, 1, 16384]");
  EXPECT_EQ(claimed([](ModelConfig& m) { m.mlp_ratio = 64; }),
            file.string() + ": tensor 'blocks.0.mlp.fc1.weight' is [48, 12], must be [768, 12]");
  EXPECT_EQ(claimed([](ModelConfig& m) { m.depth = 256; }), file.string() + ": has no tensor 'blocks.2.norm1.weight'");
  EXPECT_EQ(claimed([](ModelConfig& m) { m.image = 4096; }),
            file.string() + ": tensor 'pos_embed' is [1, 5, 12], must be [1, 1048577, 12]");
}

TEST(LogCsv, DropsWhatTheResumedRunDoesAgain) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "log.csv";
  for (int e = 1; e <= 3; ++e)
    append_row(file, {.epoch = e, .steps = static_cast<std::uint64_t>(10 * e), .train_loss = 0.5 * e});
  drop_rows_after(file, 20);
  append_row(file, {.epoch = 3, .steps = 30, .train_loss = 9, .test_top1 = 12.5});
  const auto bytes = read_file(file);
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()),
            "epoch,steps,lr,train_loss,test_top1,test_top5,test_loss,holdout_top1,ema_top1,router_accuracy,images_per_"
            "s,seconds,guidance_loss,balance_loss,z_loss,distillation_loss\n"
            "1,10,0,0.5,,,,,,,0,0,,,,\n2,20,0,1,,,,,,,0,0,,,,\n3,30,0,9,12.5,,,,,,0,0,,,,\n");
}

// One without the routers' losses, one without the teacher's.
TEST(LogCsv, OfAnOlderVersionGoesOn) {
  const std::string first =
      "epoch,steps,lr,train_loss,test_top1,test_top5,test_loss,holdout_top1,ema_top1,router_accuracy,"
      "images_per_s,seconds";
  const std::string second = first + ",guidance_loss,balance_loss,z_loss";
  for (const auto& [older, none] : {std::pair(first, ""), std::pair(second, ",,,")}) {
    const TemporaryFolder folder;
    const fs::path file = folder.path() / "log.csv";
    const std::string half_a_row = "3,30,0,9,12.5,,,,,\n";
    put_file(file, older + "\n1,10,0,0.5,,,,,,,0,0" + none + "\n2,20,0,1,,,,,,,0,0" + none + "\n" + half_a_row);
    drop_rows_after(file, 20);
    append_row(file, {.epoch = 3, .steps = 30, .guidance_loss = 0.25, .z_loss = 2.5, .distillation_loss = 1.5});
    const auto bytes = read_file(file);
    EXPECT_EQ(std::string(bytes.begin(), bytes.end()),
              second +
                  ",distillation_loss\n1,10,0,0.5,,,,,,,0,0,,,,\n2,20,0,1,,,,,,,0,0,,,,\n"
                  "3,30,0,0,,,,,,,0,0,0.25,,2.5,1.5\n");
  }
}

}  // namespace
}  // namespace mvmoe
