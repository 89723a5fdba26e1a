#include "train/loop.h"
#include "train/files/weights.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <sstream>

#include "engine/error.h"
#include "engine/files.h"
#include "train/data/damaged.h"
#include "train/epoch_evaluation.h"
#include "train/log/run_events.h"
#include "train/log/time_left.h"
#include "train/step/stop.h"

namespace mvmoe {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string percent(double value) {
  std::ostringstream out;
  out.precision(2);
  out << std::fixed << value << " %";
  return out.str();
}

// A run: its state, and its parts: a step, the end of an epoch, an evaluation, saving.
class Run {
 public:
  Run(Trainer& trainer, const RunData& data, Loader& loader, const ModelDescription& description,
      const LoopConfig& config)
      : trainer_(trainer),
        comm_(trainer.lanes.comm()),
        data_(data),
        loader_(loader),
        description_(description),
        config_(config),
        bar_(ProgressBar::mode_for_stderr(config.quiet || !comm_.first()), config.log_interval) {}

  RunResult go(const std::optional<Resumed>& resumed, const std::atomic<int>& stop) {
    trainer_.stop = &stop;
    if (resumed) go_on_from(*resumed);
    else progress_.start_crc32 = data_.start_crc32;
    result_.resumed_at = progress_.step;
    comm_.on_first([&] {
      drop_rows_after(config_.folder / "log.csv", progress_.evaluation_pending ? progress_.step - 1 : progress_.step);
      events_.emplace(config_.folder, progress_.step + 1, progress_.train_seconds, trainer_.config.routing,
                      trainer_.teacher != nullptr);
    });
    seconds_before_ = progress_.total_seconds;
    const auto per_epoch = static_cast<std::uint64_t>(loader_.batches_per_epoch() / config_.accumulate);
    total_steps_ = per_epoch * static_cast<std::uint64_t>(config_.epochs);
    const double step_s = progress_.step > 0 ? progress_.train_seconds / static_cast<double>(progress_.step) : 0;
    time_left_.emplace(TimeLeft::Run{.steps = total_steps_,
                                     .epochs = config_.epochs,
                                     .eval_every = config_.eval_every,
                                     .images_per_step = images_per_step(),
                                     .images_per_evaluation = images_to_evaluate(trainer_, data_.test, data_.holdout)},
                       step_s);
    if (progress_.evaluation_pending) {
      end_epoch(per_epoch, stop);
      result_.signal = agree_on_stop(comm_, stop.load());
    }
    while (progress_.step < total_steps_ && result_.signal == 0 && !stops_early()) {
      result_.signal = step(per_epoch);
      if (progress_.step % per_epoch == 0) {
        end_epoch(per_epoch, stop);
        result_.signal = agree_on_stop(comm_, stop.load());
      } else if (progress_.step % config_.save_every == 0) {
        save();
      }
      if (result_.signal != 0 && saved_at_ != progress_.step) save();
    }
    const std::size_t recorded = steps_.events().size();
    if (recorded > 0 && recorded < recorded_steps) config_.recorded(timelines_, steps_);  // the run had fewer steps
    result_.progress = progress_;
    result_.images_per_s = progress_.train_seconds > 0
                               ? static_cast<double>(progress_.step) * images_per_step() / progress_.train_seconds
                               : 0;
    return result_;
  }

 private:
  void go_on_from(const Resumed& resumed) {
    progress_ = resumed.progress;
    saved_at_ = progress_.step;
    if (progress_.step > 0) learning_rate_ = trainer_.config.schedule.at(progress_.step - 1);
    result_.checkpoint = resumed.path;
    bar_.say("resumed at step " + std::to_string(progress_.step) + " from " + printable(resumed.path.string()));
    if (!progress_.evaluation_pending) write_weights();  // the last process may have been killed before it wrote them
  }

  StepResult recorded_step() {
    const auto whole = [&] {
      return train_step(trainer_, config_.accumulate, [&]() -> const Batch& { return loader_.next(); });
    };
    if (!config_.recorded || result_.executed_steps >= recorded_steps) return whole();
    timelines_.resize(static_cast<std::size_t>(trainer_.config.lanes.threads));
    for (Timeline& thread : timelines_) thread.skip();
    steps_.skip();
    trainer_.lanes.record_into(&timelines_);
    const StepResult step = whole();
    trainer_.lanes.record_into(nullptr);
    steps_.add("step", Phase::around);
    if (steps_.events().size() == recorded_steps) config_.recorded(timelines_, steps_);
    return step;
  }

  // Makes one step. Returns the signal for which all ranks stop, 0 for none; it is the same on all ranks.
  int step(std::uint64_t per_epoch) {
    const auto start = Clock::now();  // includes the wait for data
    if (progress_.step % per_epoch == 0 && result_.executed_steps > 0)
      for (int left = loader_.batches_per_epoch() % config_.accumulate; left > 0; --left)
        loader_.next();  // dropped: too few batches for a step
    const StepResult step = recorded_step();
    const double seconds = seconds_since(start);
    ++progress_.step;
    learning_rate_ = step.learning_rate;
    if (!step.finite) fail_not_finite(text("the loss is ", step.loss, " and the gradient norm ", step.gradient_norm));
    ++result_.executed_steps;
    progress_.epoch_loss += step.loss;
    ++progress_.epoch_routing_steps;
    progress_.epoch_guidance += step.routing.guidance;
    progress_.epoch_balance += step.routing.balance;
    progress_.epoch_z += step.routing.z;
    progress_.epoch_distillation += step.distillation;
    progress_.train_seconds += seconds;
    progress_.epoch_seconds += seconds;
    if (progress_.step % static_cast<std::uint64_t>(config_.log_interval) == 0)
      comm_.on_first([&] {
        events_->write(progress_.step, step, images_per_step() / seconds, loader_.waited_s(), progress_.train_seconds);
      });
    warn_of_damaged_images();
    time_left_->step_took(seconds);
    const int evaluated = static_cast<int>((progress_.step - 1) / per_epoch);  // epochs
    bar_.show({.epoch = evaluated + 1,
               .epochs = config_.epochs,
               .step = progress_.step,
               .steps = total_steps_,
               .loss = step.loss,
               .learning_rate = step.learning_rate,
               .images_per_s = images_per_step() / time_left_->step_s(),
               .seconds_left = time_left_->after(progress_.step, evaluated)});
    return step.stop;
  }

  // If an evaluation is due, a checkpoint with the mark "evaluation pending" is saved first. So a stop need not wait
  // for the evaluation; the resumed run does it. After the evaluation come the row of log.csv, the checkpoint without
  // the mark, and the files of weights. What a kill prevents, the resumed run does.
  void end_epoch(std::uint64_t per_epoch, const std::atomic<int>& stop) {
    const int epoch = static_cast<int>(progress_.step / per_epoch);
    EpochRow row{.epoch = epoch,
                 .steps = progress_.step,
                 .learning_rate = learning_rate_,
                 .train_loss = progress_.epoch_loss / static_cast<double>(per_epoch),
                 .images_per_s = static_cast<double>(per_epoch) * images_per_step() / progress_.epoch_seconds};
    if (const auto steps = static_cast<std::uint64_t>(progress_.epoch_routing_steps);
        steps == per_epoch) {  // else an older version made some of the steps
      const RoutingLossConfig& routing = trainer_.config.routing;
      if (!routing.superclass_of.empty()) row.guidance_loss = progress_.epoch_guidance / static_cast<double>(steps);
      if (routing.balance_weight > 0) row.balance_loss = progress_.epoch_balance / static_cast<double>(steps);
      if (routing.z_weight > 0) row.z_loss = progress_.epoch_z / static_cast<double>(steps);
    }
    if (trainer_.teacher) row.distillation_loss = progress_.epoch_distillation / static_cast<double>(per_epoch);
    std::string said = "epoch " + std::to_string(epoch) + ": train loss " + text(row.train_loss);
    if (row.distillation_loss) said += ", towards the teacher " + text(*row.distillation_loss);
    if (epoch == config_.epochs || epoch % config_.eval_every == 0) {
      progress_.evaluation_pending = true;
      if (saved_at_ != progress_.step) save();
      if (!judge_epoch(row, said, stop)) return write_weights();  // stopped; the resumed run does the rest
      progress_.evaluation_pending = false;
    }
    progress_.last_train_loss = row.train_loss;
    progress_.epoch_loss = progress_.epoch_seconds = progress_.epoch_guidance = progress_.epoch_balance =
        progress_.epoch_z = 0;
    progress_.epoch_routing_steps = 0;
    progress_.epoch_distillation = 0;
    row.seconds = total_seconds();
    comm_.on_first([&] { append_row(config_.folder / "log.csv", row); });
    save();
    comm_.on_first([&] { events_->write(row, progress_.last_expert_load, confusion_); });
    if (data_.test.damaged) data_.test.damaged->share(comm_), warn_of_damaged_images();
    if (const int damaged = data_.test.damaged ? data_.test.damaged->grown() : 0; damaged > 0)
      said += text(", ", damaged, " images cannot be read so far");
    bar_.say(said + ", " + text(static_cast<int>(row.images_per_s + 0.5)) + " images/s");
    if (stops_early())
      bar_.say("stopped early: no better held-out score in " + std::to_string(progress_.evaluations_since_best) +
               " evaluations; the best is " + percent(progress_.best_score) + ", at step " +
               std::to_string(progress_.best_step));
  }

  // Evaluates, fills the row and the progress, and decides whether these are the best weights so far. Returns false if
  // it was stopped; then nothing has changed.
  bool judge_epoch(EpochRow& row, std::string& said, const std::atomic<int>& stop) {
    const auto start = Clock::now();
    const auto evaluation = evaluate_epoch(trainer_, data_.test, data_.holdout, description_, [&](int done) {
      bar_.show(EvaluationLine{
          .epoch = row.epoch,
          .epochs = config_.epochs,
          .images = done,
          .of = images_to_evaluate(trainer_, data_.test, data_.holdout),
          .seconds_left = time_left_->in_evaluation(progress_.step, row.epoch, done, seconds_since(start))});
      return stop.load() == 0;
    });
    warn_of_damaged_images();
    if (!evaluation) return false;
    time_left_->evaluation_took(seconds_since(start));
    const Evaluation& test = evaluation->test;
    if (!std::isfinite(test.loss)) {
      comm_.on_first([&] {
        result_.checkpoint = discard_checkpoint(config_.folder, progress_.step);
      });  // the error names the last good checkpoint, and this one is not good
      fail_not_finite("the test loss is " + text(test.loss));
    }
    said += ", test top-1 " + percent(test.top1) + ", top-5 " + percent(test.top5);
    double score = row.epoch;  // without a held-out part the last epoch counts as the best
    if (evaluation->holdout) {
      row.holdout_top1 = score = evaluation->holdout->top1;
      said += ", held-out top-1 " + percent(score);
    }
    if (evaluation->averaged) {
      row.ema_top1 = progress_.last_ema_top1 = evaluation->averaged->top1;
      said += ", averaged weights " + percent(evaluation->averaged->top1);
    }
    confusion_ = confusion_picture(test, data_.test.labels, description_.model.classes);
    row.test_top1 = progress_.last_top1 = test.top1;
    row.test_top5 = progress_.last_top5 = test.top5;
    row.test_loss = progress_.last_loss = test.loss;
    row.router_accuracy = test.router_accuracy;
    progress_.last_router_accuracy = test.router_accuracy.value_or(-1);
    progress_.last_expert_load = test.expert_load;
    if (test.router_accuracy) said += ", router " + percent(*test.router_accuracy);
    progress_.evaluations_since_best = score > progress_.best_score ? 0 : progress_.evaluations_since_best + 1;
    if (score > progress_.best_score)
      progress_.best_score = score, progress_.best_step = progress_.step, progress_.best_top1 = test.top1;
    return true;
  }

  int images_per_step() const { return loader_.batch_size() * config_.accumulate; }

  bool stops_early() const { return config_.early_stop > 0 && progress_.evaluations_since_best >= config_.early_stop; }

  void warn_of_damaged_images() {
    if (!data_.test.damaged || !comm_.first())
      return;  // images in memory cannot be damaged; those of other ranks are shared at the end of an epoch
    for (const std::string& line : data_.test.damaged->news(stand_in_consequence)) bar_.warn(line);
  }

  [[noreturn]] void fail_not_finite(const std::string& what) const {
    fail("train: ", what, " at step ", progress_.step, " (learning rate ", learning_rate_, "); ", last_good(),
         "; a smaller --lr, a longer --warmup-epochs or --clip 1 may help");
  }

  // Throws on all ranks if a weight is not finite, so that it is never saved. Collective: every rank must call it.
  void require_finite_weights() const {
    const Block& weights = trainer_.model.parameters().weights();
    const bool finite =
        std::all_of(weights.data(), weights.data() + weights.size(), [](float w) { return std::isfinite(w); });
    if (comm_.sum(finite ? 0.0 : 1.0) > 0)
      fail_not_finite("weights are no longer finite");  // it may be in an expert of another rank
  }

  std::string last_good() const {
    return result_.checkpoint ? "the last good checkpoint is " + printable(result_.checkpoint->string())
                              : "no checkpoint was saved yet";
  }

  void save() {
    require_finite_weights();
    progress_.total_seconds = total_seconds();
    progress_.seed = trainer_.config.seed;
    progress_.data_crc32 = data_.crc32;
    progress_.teacher_crc32 = trainer_.teacher ? trainer_.teacher->crc32() : 0;
    if (saved_at_ == progress_.step)
      comm_.on_first([&] { save_progress(config_.folder, progress_, config_.keep); });  // the weights are saved already
    else
      trainer_.whole.on_first(blocks_to_save(trainer_), [&] {
        save_checkpoint(config_.folder, trainer_, description_, progress_, config_.keep);
      });
    saved_at_ = progress_.step;
    result_.checkpoint = config_.folder / "checkpoints" / ("step-" + std::to_string(progress_.step));
    if (!progress_.evaluation_pending) write_weights();
  }

  void write_weights() {
    if (progress_.step == 0) return;
    struct File {
      const char* name;
      const Block* block;
    };
    std::vector<File> files{{"last.safetensors", &trainer_.model.parameters().weights()}};
    if (trainer_.average.size() > 0) files.push_back({"ema.safetensors", &trainer_.average});
    if (progress_.best_step == progress_.step)
      files.push_back({"best.safetensors", &trainer_.model.parameters().weights()});
    std::vector<const Block*> blocks;
    for (const File& file : files) blocks.push_back(file.block);
    trainer_.whole.on_first(blocks, [&] {
      for (const File& file : files)
        save_weights(config_.folder / file.name, trainer_.model, *file.block, description_, trainer_.whole);
    });
  }

  double total_seconds() const { return seconds_before_ + seconds_since(start_); }

  Trainer& trainer_;
  Comm& comm_;  // only rank 0 writes files and messages
  const RunData& data_;
  Loader& loader_;
  const ModelDescription& description_;
  const LoopConfig& config_;
  ProgressBar bar_;
  std::vector<Timeline> timelines_;  // [threads], of the first steps, if they are recorded
  Timeline steps_;
  std::optional<RunEvents> events_;  // on rank 0; made in go(), which knows the step
  std::optional<TimeLeft> time_left_;
  Progress progress_;
  RunResult result_;
  std::uint64_t total_steps_ = 0, saved_at_ = 0;
  Picture confusion_;  // of the last evaluation
  double learning_rate_ = 0, seconds_before_ = 0;
  Clock::time_point start_ = Clock::now();
};

}  // namespace

std::uint64_t first_batch(std::uint64_t step, int batches_per_epoch, int accumulate) {
  const auto parts = static_cast<std::uint64_t>(accumulate), batches = static_cast<std::uint64_t>(batches_per_epoch),
             steps = batches / parts;
  return step / steps * batches + step % steps * parts;
}

RunResult run(Trainer& trainer, const RunData& data, Loader& loader, const ModelDescription& description,
              const LoopConfig& config, const std::optional<Resumed>& resumed, const std::atomic<int>& stop) {
  return Run(trainer, data, loader, description, config).go(resumed, stop);
}

}  // namespace mvmoe
