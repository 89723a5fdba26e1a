// train/log/run_events.h: a run's figures under the tags by which TensorBoard shows them, and when each is written.
#pragma once
#include "train/evaluate/confusion_picture.h"
#include "train/log/log_csv.h"
#include "train/log/tensorboard.h"
#include "train/step/step.h"

namespace mvmoe {

class RunEvents {
 public:
  // Of a run in `folder` whose next step is `next_step` (from 1), after train_seconds of training in earlier processes;
  // `distilled`: it has a teacher.
  RunEvents(const std::filesystem::path& folder, std::uint64_t next_step, double train_seconds,
            const RoutingLossConfig& routing, bool distilled = false)
      : file_(folder, next_step), routing_(routing), distilled_(distilled), trained_since_(train_seconds) {}

  // What of an interval of several steps is a figure of the last of them, and what of the whole: waited_s is the
  // loader's wait in this process, train_seconds the run's training time, both until now.
  void write(std::uint64_t step, const StepResult& result, double images_per_s, double waited_s, double train_seconds);

  // After the mark of the pending evaluation was taken back: a kill may lose these events, and never writes them twice.
  // expert_load [E] percent, empty: dense. The last two are of the row's evaluation, and unread where it has none.
  void write(const EpochRow& row, const std::vector<double>& expert_load, const Picture& confusion);

 private:
  EventFile file_;
  const RoutingLossConfig& routing_;
  bool distilled_;
  double waited_since_ = 0, trained_since_;  // both at the last step's events
};

}  // namespace mvmoe
