#include "tools/pipeline/compare.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/random.h"
#include "models/cost.h"
#include "train/files/load_model.h"

namespace mvmoe {
namespace {

using Json = nlohmann::ordered_json;

// Medians of one image through each network on one thread, taken in turn, so that a slow moment of the machine meets
// all.
std::vector<double> latencies(const std::vector<const LoadedModel*>& models, const DataSet& data, Kernels kernels) {
  constexpr int warm_up = 5, rounds = 60;
  std::vector<std::unique_ptr<Context>> contexts;
  std::vector<std::vector<double>> times(models.size());
  for (const LoadedModel* m : models) contexts.push_back(std::make_unique<Context>(m->model->parameters(), kernels));
  const int S = models[0]->model->config().image;
  const Block memory(static_cast<std::size_t>(3 * S * S));
  for (int round = 0; round < warm_up + rounds; ++round) {
    for (std::size_t m = 0; m < models.size(); ++m) {
      network_input(data.test, round % data.test.size(), S, models[m]->description.preprocessing, memory.data());
      const auto start = std::chrono::steady_clock::now();
      contexts[m]->begin({}, nullptr);
      models[m]->model->forward(*contexts[m], Tensor(memory.data(), {1, 3, S, S}));
      if (round >= warm_up)
        times[m].push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
  }
  std::vector<double> medians;
  for (auto& t : times) {
    std::nth_element(t.begin(), t.begin() + rounds / 2, t.end());
    medians.push_back(t[rounds / 2]);
  }
  return medians;
}

struct Judged {
  LoadedModel loaded;
  Evaluation evaluation;
};

// Passes over the test set, one after the other, as one long one that may be stopped.
class Passes {
 public:
  Passes(const DataSet& data, const CompareOptions& options, int passes)
      : data_(data), options_(options), all_(passes * data.test.size()) {}

  Evaluation judge(const LoadedModel& loaded, const std::vector<int>& superclass_of,
                   const std::vector<int>& experts = {}) {
    Lanes lanes(loaded.model->parameters(), options_.lanes, options_.kernels, options_.comm);
    const int ranks = options_.comm ? options_.comm->ranks() : 1;
    const auto keep_on = [&](int images) {
      return !options_.keep_on || options_.keep_on(std::min(before_ + images * ranks, all_), all_);
    };
    Evaluation e = evaluate(*loaded.model, data_.test, loaded.description.preprocessing, lanes,
                            {.superclass_of = superclass_of, .experts = experts, .keep_on = keep_on});
    before_ += data_.test.size();
    stopped_ = stopped_ || !e.complete;
    return e;
  }
  bool stopped() const { return stopped_; }

 private:
  const DataSet& data_;
  const CompareOptions& options_;
  int before_ = 0, all_;
  bool stopped_ = false;
};

Contestant contestant(const Judged& judged, double ms) {
  const ModelConfig& config = judged.loaded.model->config();
  const Cost c = cost(config);
  const auto params = static_cast<std::int64_t>(judged.loaded.model->parameters().count());
  return {.top1 = judged.evaluation.top1,
          .top5 = judged.evaluation.top5,
          .loss = judged.evaluation.loss,
          .macs = c.macs,
          .executed_macs = c.executed_macs,
          .params = params,
          .active_params = active_params(config, params),
          .ms = ms};
}

std::vector<int> random_experts(int images, int experts, std::uint64_t seed) {
  std::vector<int> drawn;
  for (int i = 0; i < images; ++i)
    drawn.push_back(static_cast<int>(Random(seed, Place::random_router, 0, static_cast<std::uint64_t>(i))
                                         .below(static_cast<std::uint32_t>(experts))));
  return drawn;
}

// The mean of the images' differences (-1, 0, 1) and its standard error, in points.
void set_gain(Comparison& c, const Evaluation& sparse, const Evaluation& other) {
  double won = 0, lost = 0;
  for (std::size_t i = 0; i < sparse.results.size(); ++i) {
    const bool right = sparse.results[i].rank == 0, other_right = other.results[i].rank == 0;
    won += right && !other_right;
    lost += !right && other_right;
  }
  const double n = std::max<double>(1, static_cast<double>(sparse.results.size())), mean = (won - lost) / n;
  c.gain = 100 * mean;
  c.gain_error = 100 * std::sqrt(std::max(0.0, (won + lost) / n - mean * mean) / n);
}

void find_out_who_went_where(Comparison& c, const Judged& moe, const DataSet& data,
                             const std::vector<int>& superclass_of) {
  const bool guided = moe.loaded.model->config().moe.routing == Routing::superclass;
  const auto C = superclass_of.size(), E = static_cast<std::size_t>(moe.loaded.model->config().moe.experts);
  c.expert_of_class.assign(C, std::vector<int>(E, 0));
  for (std::size_t i = 0; i < moe.evaluation.results.size(); ++i) {
    const ImageResult& r = moe.evaluation.results[i];
    const int label = data.test.labels[i];
    ++c.expert_of_class[static_cast<std::size_t>(label)][static_cast<std::size_t>(r.expert)];
    if (guided && r.expert != superclass_of[static_cast<std::size_t>(label)])
      c.misrouted.push_back({.index = static_cast<int>(i),
                             .label = label,
                             .expert = r.expert,
                             .predicted = r.predicted,
                             .probability = r.gate});
  }
  std::stable_sort(c.misrouted.begin(), c.misrouted.end(),
                   [](const auto& a, const auto& b) { return a.probability > b.probability; });
  c.misrouted.resize(std::min<std::size_t>(c.misrouted.size(), 24));
}

Json to_json(const Contestant& c) {
  return {{"top1", c.top1},
          {"top5", c.top5},
          {"loss", c.loss},
          {"macs", c.macs},
          {"executed_macs", c.executed_macs},
          {"ms", c.ms},
          {"params", c.params},
          {"active_params", c.active_params}};
}

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

}  // namespace

std::optional<Comparison> compare(const Networks& networks, const DataSet& data, const CompareOptions& options) {
  const std::vector<int>& superclass_of = options.superclass_of;
  Judged dense{load_model(networks.dense), {}}, moe{load_model(networks.moe), {}};
  const MoeConfig& config = moe.loaded.model->config().moe;
  const bool guided = config.routing == Routing::superclass, by_image = config.routing != Routing::token;
  if (guided && moe.loaded.description.superclass_of != superclass_of)
    fail(printable(networks.moe.string()),
         ": its router was guided by another division than the file holds now: was it edited meanwhile? Give the "
         "command again");
  std::optional<Judged> control;
  if (networks.control) control = Judged{load_model(*networks.control), {}};

  Passes passes(data, options, 2 + (control ? 1 : 0) + (by_image ? 1 : 0) + (guided ? 1 : 0));
  Comparison c;
  dense.evaluation = passes.judge(dense.loaded, {});
  moe.evaluation = passes.judge(moe.loaded, superclass_of);
  if (control) control->evaluation = passes.judge(control->loaded, {});
  if (by_image)
    c.random_router_top1 =
        passes.judge(moe.loaded, {}, random_experts(data.test.size(), config.experts, options.seed)).top1;
  if (guided) {
    std::vector<int> right;
    for (const int label : data.test.labels) right.push_back(superclass_of[static_cast<std::size_t>(label)]);
    c.oracle_top1 = passes.judge(moe.loaded, {}, right).top1;
    c.router_accuracy = moe.evaluation.router_accuracy;
  }
  if (passes.stopped()) return {};

  std::vector<double> ms(2);
  if (!options.comm || options.comm->first()) ms = latencies({&dense.loaded, &moe.loaded}, data, options.kernels);
  c.dense = contestant(dense, ms[0]);
  c.moe = contestant(moe, ms[1]);
  if (control) c.control = contestant(*control, ms[0]);  // the same network as the dense one, with other weights
  c.expert_load = moe.evaluation.expert_load;
  set_gain(c, moe.evaluation, control ? control->evaluation : dense.evaluation);
  if (by_image) find_out_who_went_where(c, moe, data, superclass_of);
  return c;
}

Json to_json(const Comparison& c) {
  Json moe = to_json(c.moe), misrouted = Json::array();
  moe["router_accuracy"] = or_null(c.router_accuracy);
  moe["expert_load"] = c.expert_load;
  for (const auto& m : c.misrouted)
    misrouted.push_back({{"index", m.index},
                         {"class", m.label},
                         {"expert", m.expert},
                         {"probability", m.probability},
                         {"predicted", m.predicted}});
  return {{"dense", to_json(c.dense)},
          {"control", c.control ? to_json(*c.control) : Json(nullptr)},
          {"moe", moe},
          {"oracle_top1", or_null(c.oracle_top1)},
          {"random_router_top1", or_null(c.random_router_top1)},
          {"gain", c.gain},
          {"gain_error", c.gain_error},
          {"expert_of_class", c.expert_of_class.empty() ? Json(nullptr) : Json(c.expert_of_class)},
          {"misrouted", c.router_accuracy ? misrouted : Json(nullptr)}};
}

}  // namespace mvmoe
