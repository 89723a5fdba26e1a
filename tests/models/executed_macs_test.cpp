// The multiply-adds that are done are those that the formula says: between the operations and their products stands one
// that counts. Wrong but plausible, and what shows it: experts that all run and are masked afterwards, products for
// tokens that nobody reads, a formula that forgets the router. What tiles multiply, the context counts.
#include <dlfcn.h>
#include <dnnl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "models/cost.h"
#include "models/vit.h"
#include "tests/models/products.h"
#include "tests/ops/op_test.h"

std::atomic<void (*)()> mvmoe::at_each_product{nullptr};

namespace {

std::atomic<std::int64_t> counted{0};

// Something else of oneDNN, or the linker would leave out a library of which nothing seems to be needed.
[[maybe_unused]] const dnnl_version_t* const linked = dnnl_version();

}  // namespace

// The linker gives this one to whoever calls engine/gemm.h's (--wrap, in the Makefile).
namespace mvmoe {
void engines_gemm(const Matrix&, const Matrix&, const Matrix&, Factors,
                  Kernels) asm("__real__ZN5mvmoe4gemmERKNS_6MatrixES2_S2_NS_7FactorsENS_7KernelsE");
void counting_gemm(const Matrix&, const Matrix&, const Matrix&, Factors,
                   Kernels) asm("__wrap__ZN5mvmoe4gemmERKNS_6MatrixES2_S2_NS_7FactorsENS_7KernelsE");
void counting_gemm(const Matrix& a, const Matrix& b, const Matrix& c, Factors factors, Kernels kernels) {
  counted += static_cast<std::int64_t>(c.rows) * c.columns * a.breadth();
  engines_gemm(a, b, c, factors, kernels);
}
}  // namespace mvmoe

// oneDNN's own stands behind it.
extern "C" dnnl_status_t dnnl_sgemm(char transa, char transb, dnnl_dim_t m, dnnl_dim_t n, dnnl_dim_t k, float alpha,
                                    const float* a, dnnl_dim_t lda, const float* b, dnnl_dim_t ldb, float beta,
                                    float* c, dnnl_dim_t ldc) {
  static const auto next = reinterpret_cast<decltype(&dnnl_sgemm)>(dlsym(RTLD_NEXT, "dnnl_sgemm"));
  if (void (*const called)() = mvmoe::at_each_product) called();
  return next(transa, transb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

namespace mvmoe {
namespace {

// Width 32 is done by tiles, but for the router and the head; of width 24 a part is not.
ModelConfig config_of(const MoeConfig& moe, Pool pool, int width = 24) {
  ModelConfig config;
  config.depth = 3, config.width = width, config.heads = 2, config.patch = 4, config.image = 12, config.classes = 7,
  config.pool = pool;
  config.moe = moe;
  return config;
}

// How often an expert took a class token in the one block that routes tokens, the last: others do not pass it.
std::int64_t class_tokens_taken(const ModelOutput& out) {
  const Assignments& a = out.routed[0].assignments;
  return std::count_if(a.item, a.item + a.count, [&](int item) { return item % 10 == 0; });
}

void expect_formula(const MoeConfig& moe, const char* name) {
  for (const int width : {24, 32})
    for (const Pool pool : {Pool::cls, Pool::mean}) {
      const ModelConfig config = config_of(moe, pool, width);
      ViT model(config);
      model.initialise(1);
      Bench bench;
      Threads threads(1);
      const Panels panels(model.parameters(), threads);
      Context c(model.parameters());
      c.begin({}, nullptr);
      c.panels = &panels;
      const Tensor images = bench.random({5, 3, 12, 12});
      counted = 0;
      const ModelOutput out = model.forward(c, images);
      std::int64_t must_be = 5 * cost(config).executed_macs;
      const std::int64_t mlp = 2 * width * 4 * width;
      if (moe.balance == Balance::expert_choice && pool == Pool::cls)
        must_be +=
            class_tokens_taken(out) * mlp -
            5 * std::llround(static_cast<double>(mlp) * std::min<double>(moe.experts, moe.top_k * moe.eval_capacity));
      EXPECT_TRUE(width != 32 || c.multiply_adds > 0);
      EXPECT_EQ(counted.load() + c.multiply_adds, must_be) << name << ", " << pool_name(pool) << ", width " << width;
    }
}

TEST(ExecutedMacs, AreThoseOfTheFormula) {
  expect_formula({}, "dense");
  for (const int k : {1, 3}) {
    expect_formula({.experts = 6, .layers = 2, .top_k = k, .routing = Routing::superclass}, "superclass");
    expect_formula({.experts = 6, .layers = 1, .top_k = k, .routing = Routing::image, .shared_experts = 2}, "image");
    expect_formula({.experts = 6, .layers = 2, .top_k = k, .routing = Routing::token, .shared_experts = 1}, "token");
  }
}

TEST(ExecutedMacs, WhereExpertsChooseTheirCapacityCounts) {  // of 50 tokens, 25, 5 and all
  for (const float capacity : {1.0f, 0.2f, 8.0f})
    expect_formula({.experts = 4,
                    .layers = 1,
                    .top_k = 2,
                    .routing = Routing::token,
                    .balance = Balance::expert_choice,
                    .eval_capacity = capacity},
                   "expert choice");
}

TEST(ExecutedMacs, TenExpertsCostWhatOneDoesButForTheRouter) {
  const Cost dense = cost(config_of({}, Pool::cls)),
             sparse = cost(config_of({.experts = 10, .layers = 2, .routing = Routing::superclass}, Pool::cls));
  EXPECT_EQ(sparse.macs - dense.macs, 24 * 10);
  EXPECT_EQ(sparse.executed_macs - dense.executed_macs, 24 * 10);
}

TEST(ExecutedMacs, WhatCapacityDropsIsNotDone) {
  const MoeConfig moe{.experts = 4, .layers = 1, .top_k = 1, .routing = Routing::token, .eval_capacity = 0.5f};
  const ModelConfig config = config_of(moe, Pool::mean);
  ViT model(config);
  model.initialise(1);
  Bench bench;
  Context c(model.parameters());
  c.begin({}, nullptr);
  counted = 0;
  const ModelOutput out = model.forward(c, bench.random({5, 3, 12, 12}));
  const std::int64_t tokens = 5 * 10, passed = out.routed[0].assignments.count, mlp = 2 * 24 * 96;
  EXPECT_LT(passed, tokens);
  EXPECT_EQ(counted.load(), 5 * cost(config).executed_macs - (tokens - passed) * mlp);
}

}  // namespace
}  // namespace mvmoe
