// Lanes against batch-wide operations: the same kernels on the same numbers, cut in two ways.
//   batch-wide: every operation runs over the whole batch, each thread a share of its rows, a barrier after each
//   lanes:      a thread takes a few images through all layers, then the next few
// Forward of a ViT's blocks, all they compute, as in training (what backward needs is kept). Prints images/s.
// Run it: make bench-lanes
#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "engine/cores.h"
#include "engine/parameter.h"
#include "engine/random.h"
#include "engine/threads.h"
#include "ops/attention.h"
#include "ops/gelu.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/residual.h"

namespace mvmoe {
namespace {

struct Net {
  int depth, D, heads, T = 65;
};

struct Memory {  // one layer's activations for some images
  Memory(const Net& n, int b)
      : images(b),
        block(static_cast<std::size_t>(b * n.T) * static_cast<std::size_t>(17 * n.D + 4) +
              static_cast<std::size_t>((b * n.heads + 1) * n.T * n.T)) {
    float* p = block.data();
    const auto take = [&](Shape shape) {
      const Tensor t(p, shape);
      p += shape.size();
      return t;
    };
    x = take({b, n.T, n.D}), n1 = take({b, n.T, n.D}), qkv = take({b, n.T, 3 * n.D}), a = take({b, n.T, n.D}),
    o = take({b, n.T, n.D});
    x1 = take({b, n.T, n.D}), n2 = take({b, n.T, n.D}), h = take({b, n.T, 4 * n.D}), g = take({b, n.T, 4 * n.D});
    mean1 = take({b * n.T}), rstd1 = take({b * n.T}), mean2 = take({b * n.T}), rstd2 = take({b * n.T});
    probs = take({b, n.heads, n.T, n.T});
  }
  int images;
  Block block;
  Tensor x, n1, qkv, a, o, x1, n2, h, g, mean1, rstd1, mean2, rstd2, probs;
};

struct Weights {
  explicit Weights(int D) : block(static_cast<std::size_t>(12 * D * D + 20 * D)) {
    Random random(1, Place::test);
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = 0.05f * random.normal();
    float* p = block.data();
    const auto take = [&](Shape shape) {
      const Tensor t(p, shape);
      p += shape.size();
      return t;
    };
    qkv = take({3 * D, D}), proj = take({D, D}), fc1 = take({4 * D, D}), fc2 = take({D, 4 * D});
    bias = take({4 * D}), gamma = take({D}), beta = take({D});
  }
  Block block;
  Tensor qkv, proj, fc1, fc2, bias, gamma, beta;
  Tensor first(int n) const { return {bias.data(), {n}}; }
};

// The operations of one block for images first .. first + count of the memory; `barrier` runs after each.
template <class Barrier>
void block_forward(const Net& n, const Weights& w, const Memory& m, Tensor y, int first, int count, Tensor scratch,
                   const Barrier& barrier) {
  const auto part = [&](Tensor t) { return t.outer_slice(first, count); };
  const auto rows = [&](Tensor t) { return t.outer_slice(first * n.T, count * n.T); };
  const int D = n.D;
  LayerNorm{part(m.x), w.gamma, w.beta, rows(m.mean1), rows(m.rstd1), 1e-6f}.forward(part(m.n1)), barrier();
  Linear{part(m.n1), w.qkv, w.first(3 * D)}.forward(part(m.qkv)), barrier();
  float* qkv = part(m.qkv).data();
  Attention{{qkv, n.T, 3 * D}, {qkv + D, n.T, 3 * D}, {qkv + 2 * D, n.T, 3 * D}, part(m.probs), scratch, count, n.heads,
            D / n.heads}
      .forward(part(m.a)),
      barrier();
  Linear{part(m.a), w.proj, w.first(D)}.forward(part(m.o)), barrier();
  Residual{part(m.x), part(m.o), {}}.forward(part(m.x1)), barrier();
  LayerNorm{part(m.x1), w.gamma, w.beta, rows(m.mean2), rows(m.rstd2), 1e-6f}.forward(part(m.n2)), barrier();
  Linear{part(m.n2), w.fc1, w.first(4 * D)}.forward(part(m.h)), barrier();
  Gelu{part(m.h)}.forward(part(m.g)), barrier();
  Linear{part(m.g), w.fc2, w.first(D)}.forward(part(m.o)), barrier();
  Residual{part(m.x1), part(m.o), {}}.forward(part(y)), barrier();
}

template <class Work>
double images_per_s(int batch, const Work& work) {
  work();
  double best = 1e30;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return batch / best;
}

void compare(const Net& n, int batch, int threads) {
  Threads team(threads);
  const Weights w(n.D);
  const Block scratch(static_cast<std::size_t>(threads * n.T * n.T));
  const auto scratch_of = [&](int t) { return Tensor(scratch.data() + t * n.T * n.T, {n.T, n.T}); };
  std::printf("%dx%d, batch %d, %d threads:", n.depth, n.D, batch, threads);
  {
    std::vector<Memory> layers;
    for (int l = 0; l <= n.depth; ++l) layers.emplace_back(n, batch);
    std::printf("  batch-wide %.0f", images_per_s(batch, [&] {
                  std::barrier all(threads);
                  team.run([&](int t) {
                    const int first = batch * t / threads, count = batch * (t + 1) / threads - first;
                    for (std::size_t l = 0; l < static_cast<std::size_t>(n.depth); ++l)
                      block_forward(n, w, layers[l], layers[l + 1].x, first, count, scratch_of(t),
                                    [&] { all.arrive_and_wait(); });
                  });
                }));
  }
  for (const int lane : {2, 4, 8, 16}) {
    std::vector<std::vector<Memory>> layers(static_cast<std::size_t>(threads));
    for (auto& mine : layers)
      for (int l = 0; l <= n.depth; ++l) mine.emplace_back(n, lane);
    std::printf("  lanes of %d: %.0f", lane, images_per_s(batch, [&] {
                  std::atomic<int> next{0};
                  team.run([&](int t) {
                    while (next++ < batch / lane)
                      for (std::size_t l = 0; l < static_cast<std::size_t>(n.depth); ++l) {
                        auto& mine = layers[static_cast<std::size_t>(t)];
                        block_forward(n, w, mine[l], mine[l + 1].x, 0, lane, scratch_of(t), [] {});
                      }
                  });
                }));
  }
  std::printf("  images/s\n");
}

}  // namespace
}  // namespace mvmoe

int main() {
  const int threads = mvmoe::available_cores();
  for (int repeat = 0; repeat < 3; ++repeat)
    for (const mvmoe::Net& n : {mvmoe::Net{12, 192, 3}, mvmoe::Net{9, 64, 1}}) mvmoe::compare(n, 128, threads);
}
