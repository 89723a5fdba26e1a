// tools/pipeline/verdict.h: why the sparse network won or did not, as far as the figures say it.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace mvmoe {

// One network's losses.
struct Losses {
  double train = 0;            // mean task loss over the last epoch
  double test = 0;             // mean loss over the test set
  std::optional<double> fall;  // share by which the training loss fell in the last quarter of the epochs
};

struct Evidence {
  double gain = 0, gain_error = 0;                               // points of top-1, and one standard error
  Losses dense = {}, moe = {};                                   // dense: the network that the gain is counted against
  double moe_top1 = 0;                                           // percent
  std::optional<double> router_accuracy = {}, oracle_top1 = {};  // percent; with super-class routing only
  int experts = 0;
};

struct Reason {
  std::string kind;  // won, too-little-data, too-few-steps, noise, router, still-falling
  std::string text;  // one or two sentences
};

// The first says how it ended and, where the sparse network did not win, why. The others say what else is left to gain.
std::vector<Reason> verdict(const Evidence& evidence);

// The share by which a loss fell from the epoch that ended three quarters of the run to the last one. Empty: fewer than
// four epochs.
std::optional<double> fall_in_last_quarter(const std::vector<double>& loss_of_epoch);

}  // namespace mvmoe
