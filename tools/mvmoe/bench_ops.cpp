#include "tools/mvmoe/bench_ops.h"

#include <algorithm>

#include "engine/random.h"
#include "engine/threads.h"
#include "ops/attention.h"
#include "ops/cross_entropy.h"
#include "ops/dispatch.h"
#include "ops/gate.h"
#include "ops/gelu.h"
#include "ops/grouped_linear.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/patch_embed.h"
#include "ops/residual.h"
#include "ops/softmax.h"
#include "ops/tokens.h"

namespace mvmoe {
namespace {

// One thread's means to run one operation: operands are leaves of random numbers, made before the clock starts.
struct Bench {
  Context& c;
  Timeline& timeline;
  const Block& noise;  // random numbers, more than any operand has

  Tensor numbers(Shape shape) const {
    const Tensor t = c.arena.take(shape);
    std::copy_n(noise.data(), t.size(), t.data());
    return t;
  }
  Var leaf(Shape shape) const { return c.tape.leaf(numbers(shape), numbers(shape)); }

  // Makes the operands, runs op(operands...) forward and backward, and leaves an empty tape.
  template <class Op, class... Operand>
  void run(const Op& op, Operand... operands) const {
    timeline.skip();
    const Var y = op(operands...);
    const Tensor dy = numbers(y.shape());
    timeline.skip();
    c.tape.backward(y, dy);
    c.begin({}, nullptr);
    c.tape.set_timeline(&timeline);
  }
};

void run_dense(const Bench& b, const ModelConfig& config, int images) {
  const int T = config.tokens(), D = config.width, P = config.patch, hidden = config.hidden();
  Context& c = b.c;
  const Shape tokens{images, T, D};
  const auto product = [&](Var x, Var weight, Var bias) { return linear(c, x, weight, bias); };
  const Tensor pixels = b.numbers({images, 3, config.image, config.image});
  b.run([&](Var weight, Var bias) { return patch_embed(c, c.tape.constant(pixels), weight, bias); },
        b.leaf({D, 3, P, P}), b.leaf({D}));
  b.run([&](Var patches, Var token, Var positions) { return embed_tokens(c, patches, token, positions); },
        b.leaf({images, T - 1, D}), b.leaf({1, 1, D}), b.leaf({1, T, D}));
  b.run([&](Var x, Var gamma, Var beta) { return layer_norm(c, x, gamma, beta); }, b.leaf(tokens), b.leaf({D}),
        b.leaf({D}));
  b.run(product, b.leaf(tokens), b.leaf({3 * D, D}), b.leaf({3 * D}));
  b.run([&](Var qkv) { return attention(c, qkv, config.heads); }, b.leaf({images, T, 3 * D}));
  b.run(product, b.leaf(tokens), b.leaf({D, D}), b.leaf({D}));
  b.run([&](Var x, Var branch) { return residual(c, x, branch); }, b.leaf(tokens), b.leaf(tokens));
  b.run(product, b.leaf(tokens), b.leaf({hidden, D}), b.leaf({hidden}));
  b.run([&](Var x) { return gelu(c, x); }, b.leaf({images, T, hidden}));
  b.run(product, b.leaf({images, T, hidden}), b.leaf({D, hidden}), b.leaf({D}));
  const Tensor targets = b.numbers({images, config.classes});
  b.run([&](Var logits) { return cross_entropy(c, logits, targets); }, b.leaf({images, config.classes}));
}

// The items that are routed: a lane's images, or its tokens. Where they go is drawn.
void run_sparse(const Bench& b, const ModelConfig& config, int images, Arena& arena) {
  Context& c = b.c;
  const bool by_token = config.moe.routing == Routing::token;
  const int D = config.width, hidden = config.hidden(), E = config.moe.experts, k = config.moe.top_k;
  const int items = by_token ? images * config.tokens() : images;
  arena.reset();
  const Tensor scores = arena.take({items, E});
  std::copy_n(b.noise.data(), scores.size(), scores.data());
  int* chosen =
      static_cast<int*>(arena.take_bytes(static_cast<std::size_t>(items) * static_cast<std::size_t>(k) * sizeof(int)));
  top_k(scores, k, chosen);
  const Assignments a = assign(arena, scores, chosen, k, {});
  const int rows = a.count * (by_token ? 1 : config.tokens());
  const Shape tokens{images, config.tokens(), D};
  const auto product = [&](Var x, Var weight, Var bias) { return grouped_linear(c, x, weight, bias, a); };
  b.run([&](Var logits) { return softmax(c, logits); }, b.leaf({items, E}));
  b.run([&](Var p) { return gate(c, p, a, config.moe.renormalise_gates); }, b.leaf({items, E}));
  b.run([&](Var x) { return dispatch(c, x, a); }, b.leaf(tokens));
  b.run(product, b.leaf({rows, D}), b.leaf({E, hidden, D}), b.leaf({E, hidden}));
  b.run(product, b.leaf({rows, hidden}), b.leaf({E, D, hidden}), b.leaf({E, D}));
  b.run([&](Var ys, Var gates) { return combine(c, ys, gates, a, tokens); }, b.leaf({rows, D}), b.leaf({a.count}));
}

std::size_t largest_operand(const ModelConfig& config, int images) {
  const std::size_t rows = static_cast<std::size_t>(images * config.tokens()),
                    widest = static_cast<std::size_t>(std::max(config.hidden(), 3 * config.width));
  const std::size_t activations = rows * widest * static_cast<std::size_t>(std::max(1, config.moe.top_k)),
                    image = static_cast<std::size_t>(images * 3 * config.image * config.image);
  const std::size_t weights =
      static_cast<std::size_t>(std::max(1, config.moe.experts)) * static_cast<std::size_t>(config.width) * widest;
  const std::size_t small =
      std::max(rows * static_cast<std::size_t>(config.moe.experts), static_cast<std::size_t>(images * config.classes));
  return std::max(
      {activations, image, weights, small, static_cast<std::size_t>(3 * config.patch * config.patch * config.width)});
}

}  // namespace

std::vector<OpRow> time_ops(const ModelConfig& config, const LaneConfig& lanes, Kernels kernels, int warmup,
                            int repeats) {
  const Block noise(largest_operand(config, lanes.lane_size));
  Random random(0, Place::test);
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = random.normal();
  const Parameters none;
  std::vector<Timeline> timelines(static_cast<std::size_t>(lanes.threads));
  Threads(lanes.threads).run([&](int thread) {
    Context c(none, kernels);
    Arena routes;
    const auto run_all = [&](Timeline& timeline) {
      c.begin({}, nullptr);
      c.tape.set_timeline(&timeline);
      const Bench bench{c, timeline, noise};
      run_dense(bench, config, lanes.lane_size);
      if (config.moe.experts > 0) run_sparse(bench, config, lanes.lane_size, routes);
    };
    Timeline ignored;
    for (int i = 0; i < warmup; ++i) run_all(ignored);
    for (int i = 0; i < repeats; ++i) run_all(timelines[static_cast<std::size_t>(thread)]);
  });
  std::vector<OpRow> rows = op_rows(timelines, repeats);
  std::erase_if(rows, [](const OpRow& row) { return row.name == "seed"; });  // dy's copy: no operation of the network
  double all = 0;
  for (const OpRow& row : rows) all += row.share;
  for (OpRow& row : rows) row.share /= all;
  return rows;
}

}  // namespace mvmoe
