#include "train/evaluate/evaluate.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <numeric>

#include "train/evaluate/keep_on.h"
#include "train/experts/spread.h"

namespace mvmoe {
namespace {

ImageResult score(const float* logits, int classes, int label) {
  const float own = logits[label];
  ImageResult s;
  double sum = 0, largest = own;
  for (int c = 0; c < classes; ++c) {
    largest = std::max<double>(largest, logits[c]);
    if (logits[c] > logits[s.predicted]) s.predicted = c;
    if (c != label && (logits[c] > own || (logits[c] == own && c < label) || std::isnan(own))) ++s.rank;
  }
  for (int c = 0; c < classes; ++c) sum += std::exp(logits[c] - largest);
  s.loss = largest + std::log(sum) - own;
  return s;
}

// Counts the items of each expert in one lane. Sums of integers do not depend on the order of the lanes.
void count_assignments(const ModelOutput& out, std::vector<std::atomic<std::int64_t>>& taken) {
  for (int r = 0; r < out.routers; ++r)
    for (int e = 0; e < out.routed[r].assignments.experts; ++e)
      taken[static_cast<std::size_t>(e)] += out.routed[r].assignments.begin[e + 1] - out.routed[r].assignments.begin[e];
}

// Gives every rank the results of all. Each rank has the results of its share, and zeros for the other images, so the
// sum over the ranks is what one rank would have computed. Collective: every rank must call it.
void collect(Comm& comm, std::vector<ImageResult>& results, std::vector<std::atomic<std::int64_t>>& taken,
             bool& complete) {
  if (comm.ranks() == 1) return;
  constexpr std::size_t figures = 5;
  std::vector<double> all(figures * results.size() + taken.size() + 1);
  double* next = all.data();
  for (const ImageResult& r : results)
    for (const double figure : {static_cast<double>(r.predicted), static_cast<double>(r.rank), r.loss,
                                static_cast<double>(r.expert + 1), static_cast<double>(r.gate)})
      *next++ = figure;
  for (const auto& n : taken) *next++ = static_cast<double>(n);
  *next = complete ? 0 : 1;
  comm.sum(std::span<double>(all));
  next = all.data();
  for (ImageResult& r : results) {
    r = {.predicted = static_cast<int>(next[0]),
         .rank = static_cast<int>(next[1]),
         .loss = next[2],
         .expert = static_cast<int>(next[3]) - 1,
         .gate = static_cast<float>(next[4])};
    next += figures;
  }
  for (auto& n : taken) n = static_cast<std::int64_t>(*next++);
  complete = *next == 0;
}

// Computes the means over the images.
void average(Evaluation& e, const std::vector<int>& labels, const std::vector<int>& superclass_of) {
  const double images = std::max(1, e.images);
  int right = 0;
  for (std::size_t i = 0; i < e.results.size(); ++i) {
    e.top1 += e.results[i].rank < 1;
    e.top5 += e.results[i].rank < 5;
    e.loss += e.results[i].loss;
    if (!superclass_of.empty()) right += e.results[i].expert == superclass_of[static_cast<std::size_t>(labels[i])];
  }
  e.top1 *= 100 / images;
  e.top5 *= 100 / images;
  e.loss /= images;
  if (!superclass_of.empty()) e.router_accuracy = 100 * right / images;
}

}  // namespace

Tensor network_inputs(Context& c, const ImageSet& set, int first, int count, int side,
                      const Preprocessing& preprocessing) {
  const Tensor images = c.arena.take({count, 3, side, side});
  for (int i = 0; i < count; ++i) network_input(set, first + i, side, preprocessing, images.outer_slice(i, 1).data());
  return images;
}

Evaluation evaluate(const ViT& model, const ImageSet& set, const Preprocessing& preprocessing, Lanes& lanes,
                    const EvaluationOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const MoeConfig& moe = model.config().moe;
  const bool routes_images = moe.experts > 0 && moe.routing != Routing::token;
  Evaluation e;
  e.images = set.size();
  e.results.resize(static_cast<std::size_t>(set.size()));
  std::vector<std::atomic<std::int64_t>> taken(static_cast<std::size_t>(moe.experts));
  KeepOn keep_on(options.keep_on);
  const Share share = lanes.share_of(set.size());
  const Panels panels(model.parameters(), lanes.threads());
  const auto note_logits = [&](int image, Tensor logits) {  // [1, classes]
    const auto i = static_cast<std::size_t>(image);
    const ImageResult scored = score(logits.data(), logits.width(), set.labels[i]);
    e.results[i].predicted = scored.predicted, e.results[i].rank = scored.rank, e.results[i].loss = scored.loss;
  };
  const auto note_routing = [&](const ModelOutput& out, Lane lane) {
    count_assignments(out, taken);
    if (!routes_images) return;
    for (int i = 0; i < lane.images; ++i) {
      ImageResult& result = e.results[static_cast<std::size_t>(lane.first + i)];
      result.expert = out.routed[0].chosen[i * moe.top_k];
      result.gate = out.routed[0].probs.value().row(i)[result.expert];
    }
  };
  const auto inputs = [&](Context& c, Lane lane) {
    return network_inputs(c, set, lane.first, lane.images, model.config().image, preprocessing);
  };
  if (options.placement && options.placement->spread()) {
    const auto routed = [&](const ModelOutput& out, Lane lane) {
      note_routing(out, lane);
      keep_on.add(lane.images);
    };
    const SpreadInference inference{
        .inputs = inputs, .routed = routed, .scored = note_logits, .keep_on = [&] { return keep_on(); }};
    infer_spread(model, lanes, panels, *options.placement, share, inference);
  } else {
    lanes.infer(share.images, &panels, [&](Context& c, Lane lane) {
      if (!keep_on()) return;
      lane.first += share.first;
      const ModelOutput out =
          model.forward(c, inputs(c, lane), {options.experts.empty() ? nullptr : options.experts.data() + lane.first});
      for (int i = 0; i < lane.images; ++i) note_logits(lane.first + i, out.logits.value().outer_slice(i, 1));
      note_routing(out, lane);
      keep_on.add(lane.images);
    });
  }

  e.complete = !keep_on.stopped();
  collect(lanes.comm(), e.results, taken, e.complete);
  average(e, set.labels, routes_images ? options.superclass_of : std::vector<int>{});
  const double all =
      std::max<double>(1, static_cast<double>(std::accumulate(taken.begin(), taken.end(), std::int64_t{0})));
  for (const auto& n : taken) e.expert_load.push_back(100 * static_cast<double>(n) / all);
  e.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return e;
}

}  // namespace mvmoe
