#include "train/epoch_evaluation.h"

#include <algorithm>
#include <cmath>

#include "train/optimize/ema.h"

namespace mvmoe {

int images_to_evaluate(const Trainer& trainer, const ImageSet& test, const ImageSet* holdout) {
  return test.size() * (trainer.average.size() > 0 ? 2 : 1) + (holdout ? holdout->size() : 0);
}

std::optional<EpochEvaluation> evaluate_epoch(Trainer& trainer, const ImageSet& test, const ImageSet* holdout,
                                              const ModelDescription& description,
                                              const std::function<bool(int images)>& keep_on) {
  const int all = images_to_evaluate(trainer, test, holdout);
  int before = 0;  // images of the evaluations that are done
  const auto of = [&](const ImageSet& set, std::vector<int> superclass_of) {
    const auto asked = [&](int images) {
      return keep_on(std::min(before + images * trainer.lanes.comm().ranks(), all));
    };  // an estimate: the ranks are about equally far
    Evaluation evaluation =
        evaluate(trainer.model, set, description.preprocessing, trainer.lanes,
                 {.superclass_of = std::move(superclass_of), .keep_on = asked, .placement = &trainer.placement});
    before += set.size();
    return evaluation;
  };
  EpochEvaluation whole{.test = of(test, description.superclass_of)};
  if (!whole.test.complete) return {};
  if (!std::isfinite(whole.test.loss)) return whole;
  if (holdout) {
    whole.holdout = of(*holdout, {});
    if (!whole.holdout->complete) return {};
  }
  if (trainer.average.size() > 0) {
    const Exchanged averaged(trainer.model.parameters().weights(), trainer.average);
    whole.averaged = of(test, {});
    if (!whole.averaged->complete) return {};
  }
  return whole;
}

}  // namespace mvmoe
