// models/experts.h: the sparse MLP: each item's rows pass through its chosen experts only.
//   y = sum over the chosen of gate_e mlp_e(x)   (+ shared(x), which always runs)
//   source  V-MoE, arXiv 2106.05974, section 2.1; shared experts: ViMoE, arXiv 2410.15732
#pragma once
#include <string>

#include "engine/context.h"
#include "models/config.h"
#include "models/layers.h"
#include "models/router.h"

namespace mvmoe {

// Whether this is a parameter's name of which an image uses a part, its experts': a slice each of the first axis.
bool is_of_experts(const std::string& parameter);

class Experts {
 public:
  // `name` is the block's mlp, e.g. blocks.10.mlp. Every expert draws its own start; N shared experts are one MLP of
  // N times the hidden width, which is their sum. `here`: so many of the experts are this process's, the others live
  // elsewhere; 0: all are.
  Experts(Parameters& parameters, const std::string& name, const ModelConfig& config, int here = 0);

  // Every expert gets the start that the first one drew.
  void start_equal(const Parameters& parameters) const;

  // x [.., D] holds the rows of the items that were routed, item by item. In three, since experts may live elsewhere:
  // what they are given, sorted by expert; what they make of it; and what becomes of that.
  Var ask(Context& c, Var x, const Routed& routed) const;                // [.., D] to [A*rows, D]
  Var answer(Context& c, Var xs, const Assignments& assignments) const;  // [A*rows, D], by the experts that are here
  Var hear(Context& c, Var ys, Var x, const Routed& routed) const;       // [A*rows, D] to the shape of x

 private:
  LinearParameters fc1_, fc2_;                // [E, 4D, D], [E, 4D]; [E, D, 4D], [E, D]
  LinearParameters shared_fc1_, shared_fc2_;  // weight -1: none
};

}  // namespace mvmoe
