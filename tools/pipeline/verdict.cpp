#include "tools/pipeline/verdict.h"

#include <cmath>
#include <cstdio>

#include "engine/error.h"

namespace mvmoe {
namespace {

std::string rounded(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string losses(double moe, double dense) {
  return rounded(moe, 3) + " against the dense network's " + rounded(dense, 3);
}

Reason how_it_ended(const Evidence& e) {
  constexpr double clearly = 0.99;  // a training loss below so much of another one is lower
  if (e.gain > 2 * e.gain_error) return {"won", "The experts pay here: the gain is more than two standard errors."};
  if (e.moe.train >= e.dense.train)
    return {"too-few-steps",
            text("The sparse network has not learned the training images better: its training loss is ",
                 losses(e.moe.train, e.dense.train), ". Each of ", e.experts,
                 " experts sees only its part of the images, so it needs more steps: more --epochs.")};
  if (e.moe.train < clearly * e.dense.train && e.moe.test > e.dense.test)
    return {
        "too-little-data",
        text("The sparse network learned the training images better (loss ", losses(e.moe.train, e.dense.train),
             ") and the test images worse (", losses(e.moe.test, e.dense.test), "): too little data for ", e.experts,
             " experts. More images, more augmentation (--rand-augment rand-m7-mstd0.5-inc1), a smaller "
             "--model or fewer --experts.")};
  return {"noise",
          text("The gain is less than two standard errors: other seeds and more test images would tell. Training loss ",
               losses(e.moe.train, e.dense.train), ", test loss ", losses(e.moe.test, e.dense.test), ".")};
}

}  // namespace

std::vector<Reason> verdict(const Evidence& e) {
  std::vector<Reason> reasons{how_it_ended(e)};
  constexpr double worth_saying = 1;  // point
  if (e.oracle_top1 && e.router_accuracy && *e.oracle_top1 - e.moe_top1 >= worth_saying)
    reasons.push_back(
        {"router", text("The router sends ", rounded(100 - *e.router_accuracy, 1),
                        " % of the images to another super-class's expert; a router that is always right would give ",
                        rounded(*e.oracle_top1, 2), " %, ", rounded(*e.oracle_top1 - e.moe_top1, 2),
                        " points more. A larger --guide-weight or fewer --experts may help it.")});
  constexpr double still = 0.05;
  if (e.moe.fall && *e.moe.fall > still)
    reasons.push_back(
        {"still-falling",
         text("The sparse network's training loss fell by ", rounded(100 * *e.moe.fall, 1),
              " % in the last quarter of the epochs",
              e.dense.fall ? text(" (the dense network's by ", rounded(100 * *e.dense.fall, 1), " %)") : "",
              ": both would gain from more --epochs.")});
  return reasons;
}

std::optional<double> fall_in_last_quarter(const std::vector<double>& loss_of_epoch) {
  const std::size_t epochs = loss_of_epoch.size();
  if (epochs < 4) return {};
  const double before = loss_of_epoch[epochs - 1 - epochs / 4], last = loss_of_epoch.back();
  return before > 0 ? std::optional((before - last) / before) : std::nullopt;
}

}  // namespace mvmoe
