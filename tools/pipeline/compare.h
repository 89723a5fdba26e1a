// tools/pipeline/compare.h: a dense and a sparse network on the same test images: who is better, what it costs, and
// where accuracy is lost on the way.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/lanes.h"
#include "train/data/dataset.h"
#include "train/evaluate/evaluate.h"

namespace mvmoe {

// One network's side of the table.
struct Contestant {
  double top1 = 0, top5 = 0;  // percent, test set
  double loss = 0;            // mean, test set
  std::int64_t macs = 0, executed_macs = 0;
  std::int64_t params = 0, active_params = 0;
  double ms = 0;  // of one image on one thread, median
};

struct Comparison {
  Contestant dense, moe;
  std::optional<Contestant> control;  // the dense network trained on for as long as the upcycled one
  double gain = 0, gain_error = 0;  // points of top-1 over the control or the dense network, and one standard error of
                                    // that difference, both networks having seen the same images
  // With superclass routing: how often the router is right, and the sparse network's top-1 if it always were. With any
  // per-image routing: the same if it drew an expert at random.
  std::optional<double> router_accuracy, oracle_top1, random_router_top1;
  std::vector<double> expert_load;  // [E] percent
  std::vector<std::vector<int>>
      expert_of_class;  // [C][E] test images of a class whose first expert was e; empty per token
  struct Misrouted {
    int index, label, expert, predicted;
    double probability;
  };
  std::vector<Misrouted> misrouted;  // the surest first, at most 24
};

struct Networks {
  std::filesystem::path dense, moe;  // weights files
  std::optional<std::filesystem::path> control;
};

struct CompareOptions {
  std::vector<int> superclass_of;  // [C], the division, also where the router was not guided
  LaneConfig lanes;
  Kernels kernels = Kernels::fast;
  std::uint64_t seed = 0;  // draws the random router's choices
  // Asked now and then, with the images judged so far and those to be judged in all; false stops.
  std::function<bool(int images, int of)> keep_on;
  Comm* comm = nullptr;  // the ranks that share the work; null: alone
};

// Empty: stopped. Throws Error if the sparse network was guided by another division.
std::optional<Comparison> compare(const Networks& networks, const DataSet& data, const CompareOptions& options);

nlohmann::ordered_json to_json(const Comparison& comparison);

}  // namespace mvmoe
