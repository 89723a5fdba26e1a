#include "train/experts/expert_parallel.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace mvmoe {
namespace {

// The record of an image: these three fields, its tokens [T, D], in training its target [classes], and with a teacher
// the teacher's answer [classes]. The answer to a record: the gradient of the gate, and that of the tokens. An integer
// is stored as the bits of a float; no arithmetic is done on it.
enum Field { gate, slot, place, fields };

int number(const float* record, Field field) { return std::bit_cast<int>(record[field]); }

struct Sizes {
  int T, D, classes;
  std::size_t tokens() const { return static_cast<std::size_t>(T) * static_cast<std::size_t>(D); }
};
Sizes sizes_of(const ModelConfig& config) { return {config.tokens(), config.width, config.classes}; }

// Notes expert, rank and gate of each image of the lane whose first image is `first`.
void note_destinations(const Assignments& assignments, Tensor gates, const Placement& placement, int first,
                       ExpertParallel& state) {
  for (int e = 0; e < assignments.experts; ++e)
    for (int a = assignments.begin[e]; a < assignments.begin[e + 1]; ++a) {
      const auto image = static_cast<std::size_t>(first + assignments.item[a]);
      state.expert[image] = e;
      state.rank[image] = placement.rank_of[static_cast<std::size_t>(e)];
      state.gate[image] = gates[static_cast<std::size_t>(a)];
    }
}

void write_fields(const ExpertParallel& state, const Placement& placement, int image, int at, float* record) {
  const auto i = static_cast<std::size_t>(image);
  record[gate] = state.gate[i];
  record[slot] = std::bit_cast<float>(placement.slot_of[static_cast<std::size_t>(state.expert[i])]);
  record[place] = std::bit_cast<float>(at);
}

// Sorts the records that arrived by expert, so that most images of a lane use the same weights, and then by place in
// the batch, so that the order does not depend on which rank sent them.
void sort_arrivals(ExpertParallel& state) {
  state.order.resize(static_cast<std::size_t>(state.exchange.arrived()));
  std::iota(state.order.begin(), state.order.end(), 0);
  std::sort(state.order.begin(), state.order.end(), [&](int a, int b) {
    const float *ra = state.exchange.record(a), *rb = state.exchange.record(b);
    return std::pair(number(ra, slot), number(ra, place)) < std::pair(number(rb, slot), number(rb, place));
  });
}

// The images of a tail lane, read from their records.
struct Arrivals {
  Tensor tokens, gates;  // [b, T, D], [b]
  Routed routed;         // without gates
  int* places;           // [b] each image's place in the batch, or in the set
};

Arrivals arrivals_of(Context& c, Lane lane, const ExpertParallel& state, const Sizes& sizes, int experts_here) {
  const int b = lane.images;
  const auto ints = [&](int n) {
    return static_cast<int*>(c.arena.take_bytes(static_cast<std::size_t>(n) * sizeof(int)));
  };
  Arrivals arrivals{
      .tokens = c.arena.take({b, sizes.T, sizes.D}), .gates = c.arena.take({b}), .routed = {}, .places = ints(b)};
  Assignments& a = arrivals.routed.assignments;
  a = {.items = b, .experts = experts_here, .count = b, .item = ints(b), .begin = ints(experts_here + 1)};
  std::fill_n(a.begin, experts_here + 1, 0);
  for (int i = 0; i < b; ++i) {
    const float* record = state.exchange.record(state.order[static_cast<std::size_t>(lane.first + i)]);
    std::copy_n(record + fields, sizes.tokens(), arrivals.tokens.outer_slice(i, 1).data());
    arrivals.gates[static_cast<std::size_t>(i)] = record[gate];
    arrivals.places[i] = number(record, place);
    a.item[i] = i;  // the records are sorted by expert already
    ++a.begin[number(record, slot) + 1];
  }
  std::partial_sum(a.begin, a.begin + experts_here + 1, a.begin);
  return arrivals;
}

// A loss of 0, to which a trunk lane's routing losses are added. The task's loss is computed in the tail.
Var no_loss(Context& c) {
  const Tensor zero = c.arena.take({1});
  zero.fill(0);
  return c.tape.constant(zero);
}

}  // namespace

void add_journey_gradient(const StepPart& part, const Placement& placement, std::span<LaneResult> results,
                          BatchBalance& balance, ExpertParallel& state) {
  const Batch& batch = part.batch;
  const Sizes sizes = sizes_of(part.model.config());
  Comm& group = part.lanes.group();
  const auto n = static_cast<std::size_t>(batch.size());
  const int lane_size = part.lanes.config().lane_size, here = placement.count_of_rank(group.rank());
  state.trunk.resize(results.size());
  state.expert.resize(n), state.rank.resize(n), state.gate.resize(n);

  part.lanes.forward(batch.size(), part.key, part.gradients, [&](Context& c, Lane lane) {
    LaneResult& result = results[static_cast<std::size_t>(lane.index)];
    const ModelOutput out =
        part.model.forward_trunk(c, batch.images.outer_slice(lane.first, lane.images));  // tokens [b, T, D]
    result.loss = add_routing_losses(c, no_loss(c), out, lane.images, classes_of(batch, lane.first), part.moe(),
                                     part.routing, result.routing);
    const Routed& routed = *out.routed;
    state.trunk[static_cast<std::size_t>(lane.index)] = {out.tokens, routed.gates, out.tokens.value(),
                                                         routed.assignments};
    note_destinations(routed.assignments, routed.gates.value(), placement, lane.first, state);
  });
  if (part.lanes_meet()) meet(part, results, balance);

  const auto classes = static_cast<std::size_t>(sizes.classes);
  const std::size_t targets = fields + sizes.tokens(), taught = targets + classes;  // offsets in a record
  const bool has_teacher = !part.taught.empty();
  const std::size_t floats = has_teacher ? taught + classes : taught;
  state.exchange.go(group, part.lanes.threads(), state.rank, floats, [&](int i, float* record) {
    write_fields(state, placement, i, static_cast<int>(part.key.first_image) + i, record);
    const Tensor tokens = state.trunk[static_cast<std::size_t>(i / lane_size)].tokens_value;
    std::copy_n(tokens.outer_slice(i % lane_size, 1).data(), sizes.tokens(), record + fields);
    std::copy_n(batch.targets.row(i), classes, record + targets);
    if (has_teacher) std::copy_n(part.taught.row(i), classes, record + taught);
  });
  sort_arrivals(state);
  state.exchange.begin_answers(1 + sizes.tokens());
  part.lanes.mark("exchange");

  float mean = 1.0f / static_cast<float>(part.images);  // losses sum over images: the seed makes the mean
  const auto tail_lanes = static_cast<std::size_t>(Lanes::count(state.exchange.arrived(), lane_size));
  state.task.assign(tail_lanes, 0), state.distillation.assign(tail_lanes, 0);
  part.lanes.train(
      state.exchange.arrived(), part.key, part.gradients, {part.model.tail(), part.last_part},
      [&](Context& c, Lane lane) {
        Arrivals arrivals = arrivals_of(c, lane, state, sizes, here);
        const Tensor dtokens = c.arena.take(arrivals.tokens.shape()), dgates = c.arena.take(arrivals.gates.shape());
        dtokens.fill(0), dgates.fill(0);
        const auto record_of = [&](int i) { return state.order[static_cast<std::size_t>(lane.first + i)]; };
        const auto from_records = [&](std::size_t at) {  // [b, classes]
          const Tensor rows = c.arena.take({lane.images, sizes.classes});
          for (int i = 0; i < lane.images; ++i)
            std::copy_n(state.exchange.record(record_of(i)) + at, classes, rows.row(i));
          return rows;
        };
        const Tensor target = from_records(targets), answers = has_teacher ? from_records(taught) : Tensor{};
        c.images = arrivals.places;
        arrivals.routed.gates = c.tape.leaf(arrivals.gates, dgates);
        const Var logits =
            part.model.forward_tail(c, c.tape.leaf(arrivals.tokens, dtokens), arrivals.routed);  // [b, classes]
        const TaskLoss task = task_loss(c, logits, target, answers, part.distillation);
        state.task[static_cast<std::size_t>(lane.index)] = task.task;
        state.distillation[static_cast<std::size_t>(lane.index)] = task.distillation;
        c.tape.backward(task.loss, mean);
        for (int i = 0; i < lane.images; ++i) {
          float* answer = state.exchange.answer(record_of(i));
          answer[0] = dgates[static_cast<std::size_t>(i)];
          std::copy_n(dtokens.outer_slice(i, 1).data(), sizes.tokens(), answer + 1);
        }
      },
      static_cast<int>(results.size()));
  for (LaneResult& result : results) result.task = result.distillation = 0;
  for (const double task : state.task) results[0].task += task;
  for (const double distillation : state.distillation) results[0].distillation += distillation;
  state.exchange.come_back(group);
  part.lanes.mark("exchange");

  part.gradients.go_on();
  part.lanes.backward(batch.size(), part.gradients, {{0, part.model.tail().begin}, part.last_part},
                      [&](Context& c, Lane lane) {
                        LaneResult& result = results[static_cast<std::size_t>(lane.index)];
                        const ExpertParallel::TrunkLane& trunk = state.trunk[static_cast<std::size_t>(lane.index)];
                        const Tensor dtokens = c.arena.take(trunk.tokens.shape()),
                                     dgates = c.arena.take(trunk.gates.shape());  // from the answers
                        for (int a = 0; a < trunk.assignments.count; ++a) {
                          const int i = trunk.assignments.item[a];
                          const float* answer = state.exchange.answer_to(lane.first + i);
                          dgates[static_cast<std::size_t>(a)] = answer[0];
                          std::copy_n(answer + 1, sizes.tokens(), dtokens.outer_slice(i, 1).data());
                        }
                        if (part.lanes_meet()) add_balance(c, part, balance, result);
                        if (result.loss.wants_grad()) c.tape.seed(result.loss, {&mean, {1}});
                        c.tape.seed(trunk.tokens, dtokens);
                        if (trunk.gates.wants_grad()) c.tape.seed(trunk.gates, dgates);
                        c.tape.go_back();
                      });
}

void infer_journey(const ViT& model, Lanes& lanes, const Panels& panels, const Placement& placement, Share share,
                   const SpreadInference& inference) {
  const Sizes sizes = sizes_of(model.config());
  const int here = placement.count_of_rank(lanes.group().rank()),
            round = SpreadInference::lanes_at_once * lanes.config().lane_size;
  ExpertParallel state;
  std::vector<float> tokens(static_cast<std::size_t>(std::min(round, share.images)) * sizes.tokens());
  int done = 0;
  for (bool more = true; more;) {
    const bool going = inference.keep_on();
    const int n = going ? std::min(round, share.images - done) : 0;
    state.expert.resize(static_cast<std::size_t>(n)), state.rank.resize(static_cast<std::size_t>(n)),
        state.gate.resize(static_cast<std::size_t>(n));
    lanes.infer(n, &panels, [&](Context& c, Lane lane) {
      const int first = lane.first;
      lane.first += share.first + done;
      const ModelOutput out = model.forward_trunk(c, inference.inputs(c, lane));
      inference.routed(out, lane);
      const Tensor x = out.tokens.value();
      std::copy_n(x.data(), x.size(), tokens.data() + static_cast<std::size_t>(first) * sizes.tokens());
      note_destinations(out.routed->assignments, out.routed->gates.value(), placement, first, state);
    });
    more = state.exchange.go(
        lanes.group(), lanes.threads(), state.rank, fields + sizes.tokens(),
        [&](int i, float* record) {
          write_fields(state, placement, i, share.first + done + i, record);
          std::copy_n(tokens.data() + static_cast<std::size_t>(i) * sizes.tokens(), sizes.tokens(), record + fields);
        },
        going && done + n < share.images, !going);
    done += n;
    sort_arrivals(state);
    lanes.infer(state.exchange.arrived(), &panels, [&](Context& c, Lane lane) {
      Arrivals arrivals = arrivals_of(c, lane, state, sizes, here);
      arrivals.routed.gates = c.tape.constant(arrivals.gates);
      const Tensor logits =
          model.forward_tail(c, c.tape.constant(arrivals.tokens), arrivals.routed).value();  // [b, classes]
      for (int i = 0; i < lane.images; ++i) inference.scored(arrivals.places[i], logits.outer_slice(i, 1));
    });
  }
}

}  // namespace mvmoe
