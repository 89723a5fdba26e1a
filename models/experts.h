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

// True for the name of a stacked expert parameter: slice e of its first axis belongs to expert e.
bool is_of_experts(const std::string& parameter);

class Experts {
 public:
  // `name` is that of the block's MLP, e.g. blocks.10.mlp. Every expert draws its own start. N shared experts are one
  // MLP of N times the hidden width, which equals their sum. `here`: the number of this rank's experts; 0: all.
  Experts(Parameters& parameters, const std::string& name, const ModelConfig& config, int here = 0);

  // Copies the start of the first expert to all others.
  void start_equal(const Parameters& parameters) const;

  // The forward in three steps, because the experts may live on other ranks: gather the rows by expert; run the
  // experts; weight the results by the gates and scatter them back. x [.., D] has the rows of all items, in order.
  Var ask(Context& c, Var x, const Routed& routed) const;                // [.., D] to [A*rows, D]
  Var answer(Context& c, Var xs, const Assignments& assignments) const;  // [A*rows, D], by the experts of this rank
  Var hear(Context& c, Var ys, Var x, const Routed& routed) const;       // [A*rows, D] to the shape of x

 private:
  LinearParameters fc1_, fc2_;                // [E, 4D, D], [E, 4D]; [E, D, 4D], [E, D]
  LinearParameters shared_fc1_, shared_fc2_;  // weight -1: none
};

}  // namespace mvmoe
