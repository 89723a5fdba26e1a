#include "train/experts/spread.h"

namespace mvmoe {

void add_spread_gradient(const StepPart& part, const Placement& placement, std::span<LaneResult> results,
                         BatchBalance& balance, SpreadExperts& state) {
  if (travels_once(part.moe())) add_journey_gradient(part, placement, results, balance, state.journey);
  else add_visiting_gradient(part, placement, results, balance, state.visits);
}

void infer_spread(const ViT& model, Lanes& lanes, const Panels& panels, const Placement& placement, Share share,
                  const SpreadInference& inference) {
  const auto infer = travels_once(model.config().moe) ? infer_journey : infer_visiting;
  infer(model, lanes, panels, placement, share, inference);
}

}  // namespace mvmoe
