// train/log/time_left.h: estimates the time left of a run, from the times of the steps and evaluations so far.
#pragma once
#include <cstdint>

namespace mvmoe {

class TimeLeft {
 public:
  struct Run {
    std::uint64_t steps;
    int epochs, eval_every;  // the last epoch is always evaluated
    int images_per_step, images_per_evaluation;
  };
  // step_s: mean seconds of a step in earlier processes; 0: there were none.
  TimeLeft(const Run& run, double step_s) : run_(run), earlier_step_s_(step_s) {}

  void step_took(double seconds) { step_s_ = step_s_ == 0 ? seconds : 0.95 * step_s_ + 0.05 * seconds; }
  void evaluation_took(double seconds) { evaluation_s_ = seconds; }

  double step_s() const { return step_s_ > 0 ? step_s_ : earlier_step_s_; }  // a mean over about the last 20 steps
  // The time of the last evaluation. Before the first it is estimated from a step: its forward takes a third of the
  // time.
  double evaluation_s() const {
    return evaluation_s_ > 0 ? evaluation_s_ : step_s() / 3 / run_.images_per_step * run_.images_per_evaluation;
  }

  // The time left after `step` steps of the run, when `epoch` epochs have been evaluated.
  double after(std::uint64_t step, int epoch) const {
    return step_s() * static_cast<double>(run_.steps - step) + evaluation_s() * evaluations_after(epoch);
  }

  // The time left during an evaluation, in which `done` images took `seconds`.
  double in_evaluation(std::uint64_t step, int epoch, int done, double seconds) const {
    const int all = run_.images_per_evaluation;
    const double whole = done > 0 ? seconds * all / done : evaluation_s();
    return whole * (all - done) / all + after(step, epoch);
  }

 private:
  int evaluations_after(int epoch) const {
    const int regular = run_.epochs / run_.eval_every - epoch / run_.eval_every;
    return regular + (run_.epochs % run_.eval_every != 0 && epoch < run_.epochs);
  }

  Run run_;
  double earlier_step_s_, step_s_ = 0, evaluation_s_ = 0;
};

}  // namespace mvmoe
