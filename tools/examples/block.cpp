// A transformer block as its equations say it, dense and sparse, beside the block of models/block.h.
// Run it: make examples && build/examples/block
#include <cstdio>
#include <vector>

#include "engine/random.h"
#include "models/block.h"
#include "ops/attention.h"
#include "ops/dispatch.h"
#include "ops/gate.h"
#include "ops/gelu.h"
#include "ops/grouped_linear.h"
#include "ops/residual.h"
#include "ops/softmax.h"

using namespace mvmoe;

constexpr int b = 2, T = 5, D = 12, H = 3, E = 4;  // images, tokens of an image, width, heads, experts

struct DenseMlp {
  LinearParameters fc1, fc2;
  explicit DenseMlp(Parameters& p)
      : fc1(add_linear(p, "blocks.0.mlp.fc1", D, 4 * D)), fc2(add_linear(p, "blocks.0.mlp.fc2", 4 * D, D)) {}

  Var forward(Context& c, Var x) const {
    const Var hidden = gelu(c, linear(c, x, fc1));  // [b, T, 4D]
    return linear(c, hidden, fc2);                  // [b, T, D]
  }
};

struct SparseMlp {
  LinearParameters router;
  ParameterId weight1, bias1, weight2, bias2;
  explicit SparseMlp(Parameters& p)
      : router(add_linear(p, "blocks.0.mlp.router", D, E)),
        weight1(p.add("blocks.0.mlp.experts.fc1.weight", {E, 4 * D, D}, {Init::Kind::normal, 0.02f}, true)),
        bias1(p.add("blocks.0.mlp.experts.fc1.bias", {E, 4 * D}, {})),
        weight2(p.add("blocks.0.mlp.experts.fc2.weight", {E, D, 4 * D}, {Init::Kind::normal, 0.02f}, true)),
        bias2(p.add("blocks.0.mlp.experts.fc2.bias", {E, D}, {})) {}

  Var forward(Context& c, Var x) const {
    const Var items = c.tape.view(x, {b * T, D});        // each token is an item
    const Var p = softmax(c, linear(c, items, router));  // [b*T, E]
    int chosen[b * T];
    top_k(p.value(), 1, chosen);  // one expert for each item
    const Assignments a = assign(c.arena, p.value(), chosen, 1, {});
    const Var gates = gate(c, p, a, false);  // [A]; here A = b*T, since nothing is dropped

    const Var xs = dispatch(c, x, a);  // [A, D], sorted by expert
    const Var hidden = gelu(c, grouped_linear(c, xs, c.parameter(weight1), c.parameter(bias1), a));  // [A, 4D]
    const Var ys = grouped_linear(c, hidden, c.parameter(weight2), c.parameter(bias2), a);           // [A, D]
    return combine(c, ys, gates, a, x.shape());                                                      // [b, T, D]
  }
};

template <class Mlp>
struct PlainBlock {
  NormParameters norm1;
  LinearParameters qkv, proj;
  NormParameters norm2;
  Mlp mlp;
  explicit PlainBlock(Parameters& p)
      : norm1(add_norm(p, "blocks.0.norm1", D)),
        qkv(add_linear(p, "blocks.0.attn.qkv", D, 3 * D)),
        proj(add_linear(p, "blocks.0.attn.proj", D, D)),
        norm2(add_norm(p, "blocks.0.norm2", D)),
        mlp(p) {}

  Var forward(Context& c, Var x) const {  // x [b, T, D]
    const Var attended = attention(c, linear(c, layer_norm(c, x, norm1), qkv), H);
    x = residual(c, x, linear(c, attended, proj));
    return residual(c, x, mlp.forward(c, layer_norm(c, x, norm2)));
  }
};

// The block's output for random tokens, then the gradient of sum(dy * output) in every parameter. Both blocks draw the
// same weights, because they declare the same parameters in the same order.
template <class Forward>
std::vector<float> run(Parameters& parameters, const Forward& forward) {
  parameters.allocate();
  parameters.initialise(1);
  const Block gradients(parameters.block_size());
  Context c(parameters);
  c.begin({.training = true}, &gradients);
  const Tensor x = c.arena.take({b, T, D}), dy = c.arena.take({b, T, D});
  Random random(1, Place::test, 0, 0);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = random.normal(), dy[i] = random.normal();
  const Var y = forward(c, c.tape.constant(x));
  c.tape.backward(y, dy);
  std::vector<float> all(y.value().data(), y.value().data() + y.value().size());
  all.insert(all.end(), gradients.data(), gradients.data() + gradients.size());
  return all;
}

template <class Mlp>
void compare(const char* name, int experts) {
  Parameters of_plain, of_engine;
  const PlainBlock<Mlp> plain(of_plain);
  ModelConfig config;
  config.depth = 1, config.width = D, config.heads = H;
  config.moe = {.experts = experts, .layers = 1, .routing = Routing::token};
  const TransformerBlock block(of_engine, config, 0);

  const std::vector<float> one = run(of_plain, [&](Context& c, Var x) { return plain.forward(c, x); });
  const std::vector<float> other = run(of_engine, [&](Context& c, Var x) {
    Routed routed;
    return block.forward(c, x, Reads::every_token, experts > 0 ? &routed : nullptr);
  });
  int differ = 0;
  for (std::size_t i = 0; i < one.size(); ++i) differ += one[i] != other[i];
  std::printf("%s: %d of %zu numbers differ\n", name, differ, one.size());
}

int main() {
  compare<DenseMlp>("dense", 0);
  compare<SparseMlp>("sparse", E);
}
