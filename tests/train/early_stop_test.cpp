// Early stopping. Wrong but plausible, and what shows it: evaluations counted from the run's start instead of from the
// best, a run that goes on when it is resumed, a count that a stop forgets.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "tests/train/small_run.h"
#include "train/loop.h"

namespace mvmoe {
namespace {

RunResult run_in(const std::filesystem::path& folder, int stop_signal, int early_stop, int epochs = 20) {
  ViT model(small_model());
  model.initialise(2);
  StepConfig step;
  step.schedule = {.rate = 1e-2f, .min_rate = 1e-2f, .total_steps = 100};
  Trainer trainer(model, step);
  const ModelDescription description{.model = small_model(),
                                     .classes = {"a", "b", "c"},
                                     .preprocessing = {{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}},
                                     .superclass_of = {}};
  const std::optional<Resumed> resumed = load_checkpoint(folder, trainer);
  const ImageSet train = small_images(60), test = small_images(20, 3, 8), holdout = small_images(30, 3, 9);
  Loader loader(train, small_loader(12), resumed ? resumed->progress.step : 0);
  const std::atomic<int> stop{stop_signal};
  return run(trainer, {&holdout, test}, loader, description,
             {.folder = folder, .epochs = epochs, .early_stop = early_stop, .quiet = true}, resumed, stop);
}

// The held-out scores of each epoch, as log.csv has them.
std::vector<double> scores_in(const std::filesystem::path& folder) {
  std::ifstream log(folder / "log.csv");
  std::vector<double> scores;
  std::string line;
  std::getline(log, line);
  while (std::getline(log, line)) {
    std::istringstream columns(line);
    for (int column = 0; column < 8; ++column) std::getline(columns, line, ',');
    scores.push_back(std::stod(line));
  }
  return scores;
}

TEST(EarlyStop, EndsAfterSoManyEvaluationsWithoutABetterScore) {
  const TemporaryFolder patient, impatient;
  EXPECT_EQ(run_in(patient.path(), 0, 0).progress.step, 100u);  // off
  const std::vector<double> scores = scores_in(patient.path());
  ASSERT_EQ(scores.size(), 20u);
  std::size_t best = 0, last = 0;
  for (; last < scores.size() && last < best + 4; ++last)
    if (scores[last] > scores[best]) best = last;
  --last;
  ASSERT_GT(best, 0u);        // it learned something on the way,
  ASSERT_EQ(last, best + 3);  // and not to the end
  const RunResult r = run_in(impatient.path(), 0, 3);
  EXPECT_EQ(r.progress.best_step, 5 * (best + 1));
  EXPECT_EQ(r.progress.step, 5 * (last + 1));
  EXPECT_EQ(r.signal, 0);
  EXPECT_EQ(run_in(impatient.path(), 0, 3).executed_steps, 0u);
}

TEST(EarlyStop, AResumedRunEndsWhereTheUninterruptedOneDoes) {
  const TemporaryFolder whole, pieces;
  const RunResult uninterrupted = run_in(whole.path(), 0, 2);
  RunResult last;
  do {
    last = run_in(pieces.path(), 15, 2);  // stopped after a step, and before the evaluation where one is due
    if (last.progress.evaluation_pending) run_in(pieces.path(), 0, 2, static_cast<int>(last.progress.step / 5));
  } while (last.executed_steps > 0);
  EXPECT_EQ(last.progress.step, uninterrupted.progress.step);
  EXPECT_EQ(read_file(pieces.path() / "best.safetensors"), read_file(whole.path() / "best.safetensors"));
}

}  // namespace
}  // namespace mvmoe
