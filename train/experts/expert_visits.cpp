#include "train/experts/expert_visits.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace mvmoe {
namespace {

// A record: the number of the expert on its rank, stored as the bits of a float, and then the rows of the item.
constexpr std::size_t fields = 1;

struct Ranks {
  const ViT& model;
  Lanes& lanes;
  const Placement& placement;
  ExpertVisits& state;
  int here() const { return placement.count_of_rank(lanes.group().rank()); }
  int first_sparse() const { return model.config().depth - model.config().moe.layers; }
  // How many records have as many rows as an image has tokens. So expert lanes have about as many rows as other lanes.
  int records_an_image(const ExpertVisits::Visit& v) const { return model.config().tokens() / v.rows; }
  std::size_t floats(const ExpertVisits::Visit& v) const {
    return static_cast<std::size_t>(v.rows) * static_cast<std::size_t>(model.config().width);
  }
};

// Records the visit on the lane's tape, as one operation from xs to ys. The value of ys and the gradient dxs are filled
// in when they arrive.
void call(Context& c, ExpertVisits::HomeLane& home) {
  const Var xs = home.pause.xs, ys = c.tape.output(xs.shape());
  const Tensor dxs = xs.wants_grad() ? c.arena.take(xs.shape()) : Tensor{};
  c.tape.record("experts elsewhere", {xs}, ys, [=] {
    const Tensor into = xs.grad();
    for (std::size_t i = 0; i < dxs.size(); ++i) into[i] += dxs[i];
  });
  home.calls.push_back({xs, ys, dxs, c.tape.entries() - 1});
}

// Sends the items of this rank's lanes to the experts of sparse block j (0, 1, ..), and sorts the records that arrive.
// Returns what Exchange::go returns. Collective: every rank must call it.
bool send_to_experts(const Ranks& r, std::size_t j, int lanes, bool more = false, bool stop = false) {
  ExpertVisits::Visit& v = r.state.visits[j];
  v.rank.clear(), v.slot.clear(), v.lane.clear(), v.row.clear();
  const ModelConfig& config = r.model.config();
  const bool class_token =
      j + 1 == r.state.visits.size() && config.pool == Pool::cls;  // the only token that is read after the last block
  v.rows = config.moe.routing == Routing::token || class_token ? 1 : config.tokens();
  for (int lane = 0; lane < lanes; ++lane) {
    const Assignments& a = r.state.home[static_cast<std::size_t>(lane)].pause.at.routed.assignments;
    for (int e = 0; e < a.experts; ++e)
      for (int i = a.begin[e]; i < a.begin[e + 1]; ++i) {
        v.rank.push_back(r.placement.rank_of[static_cast<std::size_t>(e)]);
        v.slot.push_back(r.placement.slot_of[static_cast<std::size_t>(e)]);
        v.lane.push_back(lane);
        v.row.push_back(i * v.rows);
      }
  }
  const std::size_t floats = r.floats(v);
  const bool go_on = v.exchange.go(
      r.lanes.group(), r.lanes.threads(), v.rank, fields + floats,
      [&](int i, float* record) {
        const auto at = static_cast<std::size_t>(i);
        record[0] = std::bit_cast<float>(v.slot[at]);
        std::copy_n(r.state.home[static_cast<std::size_t>(v.lane[at])].calls[j].xs.value().row(v.row[at]), floats,
                    record + fields);
      },
      more, stop);
  v.order.resize(static_cast<std::size_t>(v.exchange.arrived()));
  std::iota(v.order.begin(), v.order.end(), 0);
  std::stable_sort(v.order.begin(), v.order.end(), [&](int a, int b) {
    return std::bit_cast<int>(v.exchange.record(a)[0]) < std::bit_cast<int>(v.exchange.record(b)[0]);
  });
  v.exchange.begin_answers(floats);
  return go_on;
}

int images_arrived(const Ranks& r, const ExpertVisits::Visit& v) {
  const int an_image = r.records_an_image(v);
  return (v.exchange.arrived() + an_image - 1) / an_image;
}

// The records of an expert lane: the first, and how many, counted in v.order.
struct Cut {
  int first, count;
};
Cut cut(const Ranks& r, const ExpertVisits::Visit& v, Lane lane) {
  const int an_image = r.records_an_image(v), first = lane.first * an_image;
  return {first, std::min(v.exchange.arrived() - first, lane.images * an_image)};
}

// Runs the experts on the records of one expert lane, and writes the answers.
ExpertVisits::ExpertLane answer(const Ranks& r, ExpertVisits::Visit& v, int block, Context& c, Cut records,
                                bool training) {
  const std::size_t floats = r.floats(v);
  const int n = records.count, here = r.here();
  const auto ints = [&](int count) {
    return static_cast<int*>(c.arena.take_bytes(static_cast<std::size_t>(count) * sizeof(int)));
  };
  const Tensor xs = c.arena.take({n * v.rows, r.model.config().width}),
               dxs = training ? c.arena.take(xs.shape()) : Tensor{};
  if (training) dxs.fill(0);
  Assignments a{.items = n, .experts = here, .count = n, .item = ints(n), .begin = ints(here + 1)};
  std::fill_n(a.begin, here + 1, 0);
  for (int i = 0; i < n; ++i) {
    const float* record = v.exchange.record(v.order[static_cast<std::size_t>(records.first + i)]);
    std::copy_n(record + fields, floats, xs.row(i * v.rows));
    a.item[i] = i;  // the records are sorted by expert already
    ++a.begin[std::bit_cast<int>(record[0]) + 1];
  }
  std::partial_sum(a.begin, a.begin + here + 1, a.begin);
  const Var ys = r.model.experts(block).answer(c, training ? c.tape.leaf(xs, dxs) : c.tape.constant(xs), a);
  for (int i = 0; i < n; ++i)
    std::copy_n(ys.value().row(i * v.rows), floats,
                v.exchange.answer(v.order[static_cast<std::size_t>(records.first + i)]));
  return {ys, dxs};
}

// Fetches the answers and copies each to the rows that its record came from. into(home lane) is the tensor of these
// rows. Collective: every rank must call it.
template <class Into>
void take_home(const Ranks& r, ExpertVisits::Visit& v, const Into& into) {
  v.exchange.come_back(r.lanes.group());
  r.lanes.threads().each(v.rank.size(), [&](std::size_t i) {
    std::copy_n(v.exchange.answer_to(static_cast<int>(i)), r.floats(v),
                into(r.state.home[static_cast<std::size_t>(v.lane[i])]).row(v.row[i]));
  });
}

}  // namespace

void add_visiting_gradient(const StepPart& part, const Placement& placement, std::span<LaneResult> results,
                           BatchBalance& balance, ExpertVisits& state) {
  const Batch& batch = part.batch;
  const Ranks r{part.model, part.lanes, placement, state};
  const auto L = static_cast<std::size_t>(part.moe().layers);
  const int lanes = static_cast<int>(results.size());
  state.home.resize(results.size());
  state.visits.resize(L);
  float mean = 1.0f / static_cast<float>(part.images);  // losses sum over images: the seed makes the mean

  part.lanes.forward(batch.size(), part.key, part.gradients, [&](Context& c, Lane lane) {
    ExpertVisits::HomeLane& home = state.home[static_cast<std::size_t>(lane.index)];
    home.calls.clear();
    home.pause = part.model.forward_to_experts(c, batch.images.outer_slice(lane.first, lane.images), home.out);
    call(c, home);
  });
  int contexts = lanes;
  for (std::size_t j = 0; j < L; ++j) {
    ExpertVisits::Visit& v = state.visits[j];
    send_to_experts(r, j, lanes);
    const int block = r.first_sparse() + static_cast<int>(j), images = images_arrived(r, v);
    v.first_context = contexts;
    v.lanes.resize(static_cast<std::size_t>(Lanes::count(images, part.lanes.config().lane_size)));
    contexts += static_cast<int>(v.lanes.size());
    part.lanes.forward(
        images, part.key, part.gradients,
        [&](Context& c, Lane lane) {
          v.lanes[static_cast<std::size_t>(lane.index)] = answer(r, v, block, c, cut(r, v, lane), true);
        },
        v.first_context);
    take_home(r, v, [&](const ExpertVisits::HomeLane& home) { return home.calls[j].ys.value(); });
    part.lanes.mark("exchange");
    part.lanes.between(batch.size(), [&](Context& c, Lane lane) {
      ExpertVisits::HomeLane& home = state.home[static_cast<std::size_t>(lane.index)];
      part.model.forward_from_experts(c, home.calls[j].ys, home.pause, home.out);
      if (j + 1 < L) return call(c, home);
      add_lane_losses(c, part, lane, home.out, results[static_cast<std::size_t>(lane.index)]);
    });
  }
  if (part.lanes_meet()) meet(part, results, balance);

  // Backward, piece by piece: the lanes from the loss (or from a visit) down to the visit before; then that visit's
  // experts.
  std::size_t end = part.model.parameters().parts().begin;  // of the range that the lanes add to in the next piece
  for (std::size_t j = L + 1; j-- > 0;) {
    const int block = r.first_sparse() + static_cast<int>(j) - 1;  // at whose visit the lanes stop
    const std::size_t begin = j > 0 ? part.model.behind_experts(block) : 0;
    if (j < L) part.gradients.go_on();
    part.lanes.backward(batch.size(), part.gradients, {{begin, end}, part.last_part}, [&](Context& c, Lane lane) {
      LaneResult& result = results[static_cast<std::size_t>(lane.index)];
      if (j == L) {
        if (part.lanes_meet()) add_balance(c, part, balance, result);
        c.tape.seed(result.loss, {&mean, {1}});
      }
      c.tape.go_back(j > 0 ? state.home[static_cast<std::size_t>(lane.index)].calls[j - 1].entry + 1 : 0);
    });
    end = begin;
    if (j == 0) break;
    ExpertVisits::Visit& v = state.visits[j - 1];
    const std::size_t floats = r.floats(v);
    v.exchange.go_again(part.lanes.group(), part.lanes.threads(), floats, [&](int i, float* record) {
      const auto at = static_cast<std::size_t>(i);
      std::copy_n(state.home[static_cast<std::size_t>(v.lane[at])].calls[j - 1].ys.grad().row(v.row[at]), floats,
                  record);
    });
    v.exchange.begin_answers(floats);
    part.gradients.go_on();
    part.lanes.backward(
        images_arrived(r, v), part.gradients, {part.model.place_of_experts(block), part.last_part},
        [&](Context& c, Lane lane) {
          const ExpertVisits::ExpertLane& expert = v.lanes[static_cast<std::size_t>(lane.index)];
          const Cut records = cut(r, v, lane);
          const Tensor dys = c.arena.take(expert.ys.shape());
          const auto record_of = [&](int i) { return v.order[static_cast<std::size_t>(records.first + i)]; };
          for (int i = 0; i < records.count; ++i)
            std::copy_n(v.exchange.record(record_of(i)), floats, dys.row(i * v.rows));
          c.tape.seed(expert.ys, dys);
          c.tape.go_back();
          for (int i = 0; i < records.count; ++i)
            std::copy_n(expert.dxs.row(i * v.rows), floats, v.exchange.answer(record_of(i)));
        },
        v.first_context);
    take_home(r, v, [&](const ExpertVisits::HomeLane& home) { return home.calls[j - 1].dxs; });
    part.lanes.mark("exchange");
  }
}

void infer_visiting(const ViT& model, Lanes& lanes, const Panels& panels, const Placement& placement, Share share,
                    const SpreadInference& inference) {
  ExpertVisits state;
  const Ranks r{model, lanes, placement, state};
  const auto L = static_cast<std::size_t>(model.config().moe.layers);
  state.visits.resize(L);
  const int round = SpreadInference::lanes_at_once * lanes.config().lane_size;
  int done = 0;
  for (bool more = true; more;) {
    const bool going = inference.keep_on();
    const int n = going ? std::min(round, share.images - done) : 0, count = Lanes::count(n, lanes.config().lane_size);
    const auto in_set = [&](Lane lane) {
      lane.first += share.first + done;
      return lane;
    };
    state.home.resize(static_cast<std::size_t>(count));
    lanes.begin_inference(n, &panels, [&](Context& c, Lane lane) {
      ExpertVisits::HomeLane& home = state.home[static_cast<std::size_t>(lane.index)];
      home.calls.clear();
      home.pause = model.forward_to_experts(c, inference.inputs(c, in_set(lane)), home.out);
      call(c, home);
    });
    for (std::size_t j = 0; j < L; ++j) {
      ExpertVisits::Visit& v = state.visits[j];
      const bool go_on = send_to_experts(r, j, count, going && done + n < share.images, !going);
      if (j == 0) more = go_on;
      // The expert lanes take contexts behind those of the waiting lanes.
      lanes.infer(
          images_arrived(r, v), &panels,
          [&](Context& c, Lane lane) {
            answer(r, v, r.first_sparse() + static_cast<int>(j), c, cut(r, v, lane), false);
          },
          count);
      take_home(r, v, [&](const ExpertVisits::HomeLane& home) { return home.calls[j].ys.value(); });
      lanes.between(n, [&](Context& c, Lane lane) {
        ExpertVisits::HomeLane& home = state.home[static_cast<std::size_t>(lane.index)];
        model.forward_from_experts(c, home.calls[j].ys, home.pause, home.out);
        if (j + 1 < L) return call(c, home);
        const Lane at = in_set(lane);
        inference.routed(home.out, at);
        for (int i = 0; i < at.images; ++i) inference.scored(at.first + i, home.out.logits.value().outer_slice(i, 1));
      });
    }
    done += n;
  }
}

}  // namespace mvmoe
