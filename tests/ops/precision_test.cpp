// Products in bf16, forward and backward. Wrong but plausible, and what shows it: an input of one product left in fp32,
// in forward or in backward; a sum that is no product rounded (the bias, the sum over a row of softmax); gradients of
// rounded inputs rounded once more. The reference is double, and rounds what each formula multiplies, and nothing else.
#include "engine/bf16.h"

#include "engine/gemm_bf16.h"
#include "ops/attention.h"
#include "ops/grouped_linear.h"
#include "ops/linear.h"
#include "ops/patch_embed.h"
#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

using Rows = std::vector<std::vector<double>>;

// Columns first .. first + count of rows from `row` on.
Rows part_of(Tensor t, int row, int rows, int first, int count) {
  Rows part;
  for (int r = row; r < row + rows; ++r) part.emplace_back(t.row(r) + first, t.row(r) + first + count);
  return part;
}
Rows all_of(Tensor t) { return part_of(t, 0, t.rows(), 0, t.width()); }

Rows transposed(const Rows& a) {
  Rows t(a[0].size(), std::vector<double>(a.size()));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < a[0].size(); ++j) t[j][i] = a[i][j];
  return t;
}

Rows product(const Rows& a, const Rows& b, double factor = 1) {
  const auto rounded = [](double x) { return double{rounded_to_bf16(static_cast<float>(x))}; };
  Rows c(a.size(), std::vector<double>(b[0].size()));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b[0].size(); ++j)
      for (std::size_t k = 0; k < b.size(); ++k) c[i][j] += factor * rounded(a[i][k]) * rounded(b[k][j]);
  return c;
}

void expect_are(const Rows& is, const Rows& must_be, const std::string& name) {
  double largest = 0;
  for (const auto& row : must_be)
    for (const double x : row) largest = std::max(largest, std::abs(x));
  ASSERT_GT(largest, 0) << name;
  for (std::size_t i = 0; i < is.size(); ++i)
    for (std::size_t j = 0; j < is[i].size(); ++j)
      EXPECT_NEAR(is[i][j], must_be[i][j], 2e-6 * largest) << name << " " << i << " " << j;
}

class Precision : public testing::TestWithParam<Kernels> {
 protected:
  void SetUp() override {
    if (GetParam() == Kernels::fast_bf16 && !has_gemm_bf16()) GTEST_SKIP() << "no AVX512-BF16";
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Precision, testing::Values(Kernels::plain_bf16, Kernels::fast_bf16),
                         [](const auto& kernels) {
                           return std::string(kernels.param == Kernels::plain_bf16 ? "plain" : "fast");
                         });

// y = x W^T + b; dx = dy W, dW = dy^T x, and db, no product, is the plain sum of dy's rows.
void expect_linear(const Rows& x, Tensor weight, Tensor bias, const Rows& y, const Rows& dy, const Rows* dx,
                   const Rows& dweight, Tensor dbias) {
  Rows y_is = product(x, transposed(all_of(weight))), db(1, std::vector<double>(bias.size()));
  for (std::size_t r = 0; r < y_is.size(); ++r)
    for (std::size_t n = 0; n < bias.size(); ++n) y_is[r][n] += bias[n], db[0][n] += dy[r][n];
  expect_are(y, y_is, "y");
  if (dx) expect_are(*dx, product(dy, all_of(weight)), "dx");
  expect_are(dweight, product(transposed(dy), x), "dweight");
  expect_are(all_of(dbias.reshaped({1, static_cast<int>(bias.size())})), db, "dbias");
}

TEST_P(Precision, Linear) {
  Bench b(GetParam());
  const Var x = b.leaf({9, 33}), weight = b.leaf({7, 33}), bias = b.leaf({7});
  const Var y = linear(b.c, x, weight, bias);
  const Tensor dy = b.random({9, 7}, 1);
  b.c.tape.backward(y, dy);
  const Rows dx = all_of(x.grad());
  expect_linear(all_of(x.value()), weight.value(), bias.value(), all_of(y.value()), all_of(dy), &dx,
                all_of(weight.grad()), bias.grad());
}

TEST_P(Precision, PatchEmbed) {  // one patch an image, so that unfolding is reshaping
  Bench b(GetParam());
  const Tensor images = b.random({4, 3, 5, 5}), flat = images.reshaped({4, 75});
  const Var weight = b.leaf({7, 3, 5, 5}), bias = b.leaf({7});
  const Var y = patch_embed(b.c, b.constant(images), weight, bias);
  const Tensor dy = b.random({4, 1, 7}, 1);
  b.c.tape.backward(y, dy);
  expect_linear(all_of(flat), weight.value().reshaped({7, 75}), bias.value(), all_of(y.value()), all_of(dy), nullptr,
                all_of(weight.grad().reshaped({7, 75})), bias.grad());
}

TEST_P(Precision, GroupedLinear) {
  Bench b(GetParam());
  int begin[] = {0, 3, 3, 5};  // the second expert has nothing
  const Var x = b.leaf({10, 33}), weight = b.leaf({3, 7, 33}), bias = b.leaf({3, 7});
  const Var y =
      grouped_linear(b.c, x, weight, bias, {.items = 5, .experts = 3, .count = 5, .item = nullptr, .begin = begin});
  const Tensor dy = b.random({10, 7}, 1);
  b.c.tape.backward(y, dy);
  for (const int e : {0, 2}) {
    const int first = 2 * begin[e], rows = 2 * (begin[e + 1] - begin[e]);
    const auto expert = [e](Tensor t) { return t.outer_slice(e, 1).reshaped({7, 33}); };
    const auto lines = [=](Tensor t) { return part_of(t, first, rows, 0, t.width()); };
    const Rows dx = lines(x.grad());
    expect_linear(lines(x.value()), expert(weight.value()), bias.value().outer_slice(e, 1).reshaped({7}),
                  lines(y.value()), lines(dy), &dx, all_of(expert(weight.grad())),
                  bias.grad().outer_slice(e, 1).reshaped({7}));
  }
}

TEST_P(Precision, Attention) {
  constexpr int b = 2, T = 7, D = 10, H = 2, d = D / H;  // 1 / sqrt(5) is no bf16: the factor is not rounded
  Bench bench(GetParam());
  const Var qkv = bench.leaf({b, T, 3 * D}), y = attention(bench.c, qkv, H);
  const Tensor dy = bench.random({b, T, D}, 1);
  bench.c.tape.backward(y, dy);
  const double scale = 1 / std::sqrt(double{d});
  for (int i = 0; i < b; ++i)
    for (int h = 0; h < H; ++h) {
      const auto head = [=](Tensor t, int part) { return part_of(t, i * T, T, part * D + h * d, d); };
      const Rows q = head(qkv.value(), 0), k = head(qkv.value(), 1), v = head(qkv.value(), 2), dyh = head(dy, 0);
      Rows p = product(q, transposed(k), scale);
      for (auto& row : p) {
        double sum = 0;
        for (double& s : row) sum += s = std::exp(s);
        for (double& s : row) s /= sum;
      }
      Rows ds = product(dyh, transposed(v));  // dp
      for (int t = 0; t < T; ++t) {
        const auto at = static_cast<std::size_t>(t);
        double dot = 0;
        for (std::size_t j = 0; j < T; ++j) dot += p[at][j] * ds[at][j];
        for (std::size_t j = 0; j < T; ++j) ds[at][j] = p[at][j] * (ds[at][j] - dot);
      }
      expect_are(head(y.value(), 0), product(p, v), "y");
      expect_are(head(qkv.grad(), 0), product(ds, k, scale), "dq");
      expect_are(head(qkv.grad(), 1), product(transposed(ds), q, scale), "dk");
      expect_are(head(qkv.grad(), 2), product(transposed(p), dyh), "dv");
    }
}

}  // namespace
}  // namespace mvmoe
