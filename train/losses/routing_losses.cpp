#include "train/losses/routing_losses.h"

#include <algorithm>

#include "ops/add_loss.h"
#include "ops/cross_entropy.h"
#include "ops/cv_squared.h"
#include "ops/dot.h"
#include "ops/load_sum.h"
#include "ops/softmax.h"
#include "ops/sum_of_rows.h"
#include "ops/switch_loss.h"
#include "ops/z_loss.h"

namespace mvmoe {
namespace {

int largest(const float* row, int n) { return static_cast<int>(std::max_element(row, row + n) - row); }

Var guidance(Context& c, const Routed& routed, const LaneClasses& classes, const RoutingLossConfig& config,
             LaneRouting& lane) {
  const Tensor z = routed.logits.value(), targets = c.arena.take(z.shape());  // [b, E]
  targets.fill(0);
  const auto superclass = [&](int place) {
    return config.superclass_of[static_cast<std::size_t>(classes.labels[place])];
  };
  for (int i = 0; i < z.rows(); ++i) {
    const int own = superclass(classes.first + i),
              other = classes.partner ? superclass(classes.partner[classes.first + i]) : own;
    targets.row(i)[own] += classes.lambda;
    targets.row(i)[other] += 1 - classes.lambda;
    lane.guided_right += largest(routed.probs.value().row(i), z.width()) == (classes.lambda >= 0.5f ? own : other);
  }
  return cross_entropy(c, routed.logits, targets);
}

// Importance is defined by the gates before noise. Without noise these are the gates that routing used.
Var clean_probs(Context& c, const Routed& routed) {
  return routed.noise.data() ? softmax(c, routed.logits) : routed.probs;
}

Var balance_of_group(Context& c, const Routed& routed, const MoeConfig& moe) {
  if (moe.balance == Balance::switch_loss) return switch_loss(c, routed.probs);
  const Var importance = cv_squared(c, sum_of_rows(c, clean_probs(c, routed)));
  if (!routed.noise.data()) return importance;
  return add_loss(c, importance, 1,
                  cv_squared(c, load_sum(c, routed.logits, routed.noise, moe.top_k, moe.router_noise)));
}

void leave_for_the_meeting(Context& c, const Routed& routed, const MoeConfig& moe, LaneRouting& lane) {
  const Tensor p = routed.probs.value();
  if (moe.balance == Balance::switch_loss) {
    lane.importance = sum_of_rows(c, routed.probs);
    for (int i = 0; i < p.rows(); ++i) ++lane.first[static_cast<std::size_t>(largest(p.row(i), p.width()))];
  } else {
    lane.importance = sum_of_rows(c, clean_probs(c, routed));
    if (routed.noise.data()) lane.load = load_sum(c, routed.logits, routed.noise, moe.top_k, moe.router_noise);
  }
}

// After the first step nothing is allocated.
Tensor zeros(Block& memory, Shape shape) {
  if (memory.size() != shape.size()) memory = Block(shape.size());
  const Tensor t(memory.data(), shape);
  t.fill(0);
  return t;
}

bool has_balance_loss(const MoeConfig& moe) {
  return moe.balance == Balance::importance_load || moe.balance == Balance::switch_loss;
}

}  // namespace

bool balances_whole_batch(const MoeConfig& moe, const RoutingLossConfig& config) {
  return moe.experts > 0 && moe.routing != Routing::token && has_balance_loss(moe) && config.balance_weight > 0;
}

LaneClasses classes_of(const Batch& batch, int first) {
  const int* partner = batch.partner.empty() ? nullptr : batch.partner.data();
  return {batch.labels.data(), first, partner, batch.lambda};
}

Var add_routing_losses(Context& c, Var task, const ModelOutput& out, int images, const LaneClasses& classes,
                       const MoeConfig& moe, const RoutingLossConfig& config, LaneRouting& lane) {
  const auto E = static_cast<std::size_t>(moe.experts);
  lane.sums = {};
  lane.importance = lane.load = {};
  lane.guided_right = 0;
  lane.taken.assign(static_cast<std::size_t>(out.routers) * E, 0);
  lane.first.assign(E, 0);
  const auto b = static_cast<float>(images);
  Var total = task;
  for (int r = 0; r < out.routers; ++r) {
    const Routed& routed = out.routed[r];
    for (std::size_t e = 0; e < E; ++e)
      lane.taken[static_cast<std::size_t>(r) * E + e] = routed.assignments.begin[e + 1] - routed.assignments.begin[e];
    if (!config.superclass_of.empty() && moe.routing == Routing::superclass) {
      const Var loss = guidance(c, routed, classes, config, lane);
      lane.sums.guidance += loss.item();
      total = add_loss(c, total, config.guide_weight, loss);
    }
    if (config.z_weight > 0) {  // a mean over items; times images, because the total is a sum over images
      const Var loss = z_loss(c, routed.logits);
      lane.sums.z += static_cast<double>(loss.item()) * images;
      total = add_loss(c, total, config.z_weight * b, loss);
    }
    if (!has_balance_loss(moe) || config.balance_weight == 0) continue;
    if (balances_whole_batch(moe, config)) {
      leave_for_the_meeting(c, routed, moe, lane);
    } else {
      const Var loss = balance_of_group(c, routed, moe);
      lane.sums.balance += static_cast<double>(loss.item()) * images;
      total = add_loss(c, total, config.balance_weight * b, loss);
    }
  }
  return total;
}

void gather(std::span<const LaneResult> lanes, int images, const MoeConfig& moe, Comm& comm, BatchBalance& balance) {
  const auto E = static_cast<std::size_t>(moe.experts);
  const Shape shape{moe.experts};
  const Tensor sum = zeros(balance.sum, shape);
  const auto add_up = [&](Var LaneRouting::*statistic) {
    sum.fill(0);
    for (const LaneResult& lane : lanes)
      for (std::size_t e = 0; e < E; ++e) sum[e] += (lane.routing.*statistic).value()[e];
    comm.sum({sum.data(), E});
  };
  const auto cv_squared_of = [&](Var LaneRouting::*statistic, Block& derivative) {
    add_up(statistic);
    cv_squared_backward(sum, 1, zeros(derivative, shape));
    return cv_squared(sum);
  };
  if (moe.balance == Balance::importance_load) {
    balance.loss = cv_squared_of(&LaneRouting::importance, balance.dimportance);
    if (!lanes[0].routing.load.empty()) balance.loss += cv_squared_of(&LaneRouting::load, balance.dload);
    return;
  }
  add_up(&LaneRouting::importance);  // [E] P_e times the number of images
  const Tensor share = zeros(balance.dimportance, shape);
  balance.loss = 0;
  for (std::size_t e = 0; e < E; ++e) {
    double first = 0;
    for (const LaneResult& lane : lanes) first += lane.routing.first[e];
    first = comm.sum(first);
    share[e] = static_cast<float>(static_cast<double>(E) * first / images / images);
    balance.loss += static_cast<double>(share[e]) * sum[e];
  }
}

Var add_batch_balance(Context& c, Var total, const LaneRouting& lane, const BatchBalance& balance, float weight) {
  const auto shape = lane.importance.shape();
  total = add_loss(c, total, weight, dot(c, lane.importance, {balance.dimportance.data(), shape}));
  if (!lane.load.empty()) total = add_loss(c, total, weight, dot(c, lane.load, {balance.dload.data(), shape}));
  return total;
}

}  // namespace mvmoe
