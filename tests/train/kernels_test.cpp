// A few steps of training with each kind of kernels, dense and sparse: the plain ones give the fast ones' weights to
// rounding, bf16 stays near fp32 but is not it, and the plain kernels in bf16 give what the processor's bf16 gives.
// Wrong but plausible, and what shows it: an operation that computes something else when it is plain; a precision that
// is asked for and not used.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/gemm_bf16.h"
#include "tests/train/small_run.h"

namespace mvmoe {
namespace {

struct Trained {
  std::vector<float> weights;
  double loss;
};

Trained train(const MoeConfig& moe, Kernels kernels, int threads = 2) {
  ModelConfig config = small_model();
  config.moe = moe;
  ViT model(config);
  model.initialise(3);
  StepConfig step{.schedule = {.rate = 0.05f, .total_steps = 20},
                  .optimizer = Optimizer::sgd,
                  .clip = 1,
                  .lanes = {.threads = threads, .lane_size = 2},
                  .kernels = kernels};
  if (moe.experts > 0 && moe.routing == Routing::superclass) step.routing.superclass_of = {0, 1, 1};
  Trainer trainer(model, step);
  const ImageSet set = small_images(12);
  Loader loader(set, small_loader(12), 0);
  double loss = 0;
  for (int s = 0; s < 4; ++s) loss = train_step(trainer, loader.next()).loss;
  return {numbers(model.parameters().weights()), loss};
}

// The largest difference, over the largest weight. (SGD, because Adam makes whole steps of what is rounding noise in a
// gradient that is exactly zero, the bias on the keys.)
double distance(const Trained& a, const Trained& b) {
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < a.weights.size(); ++i) {
    largest = std::max(largest, std::abs(double{a.weights[i]}));
    difference = std::max(difference, std::abs(double{a.weights[i]} - b.weights[i]));
    if (std::isnan(a.weights[i]) || std::isnan(b.weights[i])) return NAN;
  }
  return difference / largest;
}

class KernelsTest : public testing::TestWithParam<MoeConfig> {};
INSTANTIATE_TEST_SUITE_P(Networks, KernelsTest,
                         testing::Values(MoeConfig{},
                                         MoeConfig{.experts = 2, .layers = 1, .routing = Routing::superclass},
                                         MoeConfig{.experts = 3, .layers = 1, .top_k = 2, .routing = Routing::token}),
                         [](const auto& moe) {
                           return moe.param.experts == 0                ? "dense"
                                  : moe.param.routing == Routing::token ? "token"
                                                                        : "superclass";
                         });

TEST_P(KernelsTest, PlainTrainsAsFastDoes) {
  const Trained fast = train(GetParam(), Kernels::fast), plain = train(GetParam(), Kernels::plain);
  EXPECT_LE(distance(fast, plain), 1e-5);
  EXPECT_NEAR(fast.loss, plain.loss, 1e-5 * fast.loss);
}

TEST_P(KernelsTest, Bf16IsNearFp32AndIsNotIt) {
  const Trained fp32 = train(GetParam(), Kernels::fast), bf16 = train(GetParam(), Kernels::plain_bf16);
  EXPECT_GE(distance(fp32, bf16), 1e-4);
  EXPECT_LE(distance(fp32, bf16), 2e-2);
  EXPECT_NEAR(fp32.loss, bf16.loss, 1e-2 * fp32.loss);
  EXPECT_EQ(bf16.weights, train(GetParam(), Kernels::plain_bf16, 1).weights);
}

TEST_P(KernelsTest, TheProcessorsBf16IsThePlainOne) {
  if (!has_gemm_bf16()) GTEST_SKIP() << "no AVX512-BF16";
  const Trained fast = train(GetParam(), Kernels::fast_bf16), plain = train(GetParam(), Kernels::plain_bf16);
  EXPECT_LE(distance(fast, plain), 1e-3);  // sums in another order, and now and then an input that rounds the other way
  EXPECT_LT(distance(fast, plain), distance(train(GetParam(), Kernels::fast), plain) / 4);
}

}  // namespace
}  // namespace mvmoe
