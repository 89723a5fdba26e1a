#include "ops/tokens.h"

#include <algorithm>

#include "ops/check.h"

namespace mvmoe {
namespace {

void add(const float* from, float* to, int n, float factor = 1) {
#pragma omp simd
  for (int i = 0; i < n; ++i) to[i] += factor * from[i];
}

}  // namespace

void Embed::forward(Tensor y) const {
  const int b = y.shape()[0], T = y.shape()[1], N = patches.shape()[1], D = y.width();
  for (int i = 0; i < b; ++i)
    for (int t = 0; t < T; ++t) {
      const int patch = t - (T - N);  // -1: the class token
      const float* token = patch < 0 ? class_token.data() : patches.row(i * N + patch);
      float* yt = y.row(i * T + t);
      std::copy_n(token, D, yt);
      add(positions.row(t), yt, D);
    }
}

void Embed::backward(Tensor dy, Tensor dpatches, Tensor dclass_token, Tensor dpositions) const {
  const int b = dy.shape()[0], T = dy.shape()[1], N = patches.shape()[1], D = dy.width();
  for (int i = 0; i < b; ++i)
    for (int t = 0; t < T; ++t) {
      const int patch = t - (T - N);
      const float* dyt = dy.row(i * T + t);
      if (patch < 0 && !dclass_token.empty()) add(dyt, dclass_token.data(), D);
      if (patch >= 0 && !dpatches.empty()) add(dyt, dpatches.row(i * N + patch), D);
      if (!dpositions.empty()) add(dyt, dpositions.row(t), D);
    }
}

Var embed_tokens(Context& c, Var patches, Var class_token, Var positions) {
  const Shape s = patches.shape();
  if (s.axes() != 3) fail("embed_tokens: patches is ", s, ", must be [b, N, D]");
  const int T = s[1] + (class_token.empty() ? 0 : 1);
  if (!class_token.empty())
    require_shape("embed_tokens", "class_token", class_token.shape(), {1, 1, s[2]}, "patches", s);
  require_shape("embed_tokens", "positions", positions.shape(), {1, T, s[2]}, "patches", s);
  const Embed op{.patches = patches.value(),
                 .class_token = class_token.empty() ? Tensor{} : class_token.value(),
                 .positions = positions.value()};
  const Var y = c.tape.output({s[0], T, s[2]});
  op.forward(y.value());
  c.tape.record("embed_tokens", {patches, class_token, positions}, y, [=] {
    op.backward(y.grad(), patches.grad(), class_token.empty() ? Tensor{} : class_token.grad(), positions.grad());
  });
  return y;
}

Var select_token(Context& c, Var x, int token) {
  const Shape s = x.shape();
  if (s.axes() != 3 || token < 0 || token >= s[1]) fail("select_token: x is ", s, ", has no token ", token);
  const Var y = c.tape.output({s[0], 1, s[2]});
  for (int i = 0; i < s[0]; ++i) std::copy_n(x.value().row(i * s[1] + token), s[2], y.value().row(i));
  c.tape.record("select_token", {x}, y, [=] {
    const Tensor dx = x.grad(), dy = y.grad();
    for (int i = 0; i < s[0]; ++i) add(dy.row(i), dx.row(i * s[1] + token), s[2]);
  });
  return y;
}

void MeanTokens::forward(Tensor y) const {
  const int b = x.shape()[0], T = x.shape()[1], D = x.width();
  y.fill(0);
  for (int i = 0; i < b; ++i)
    for (int t = first; t < T; ++t) add(x.row(i * T + t), y.row(i), D, 1 / static_cast<float>(T - first));
}

void MeanTokens::backward(Tensor dy, Tensor dx) const {
  const int b = x.shape()[0], T = x.shape()[1], D = x.width();
  for (int i = 0; i < b; ++i)
    for (int t = first; t < T; ++t) add(dy.row(i), dx.row(i * T + t), D, 1 / static_cast<float>(T - first));
}

Var mean_tokens(Context& c, Var x, int first) {
  const Shape s = x.shape();
  if (s.axes() != 3 || first < 0 || first >= s[1]) fail("mean_tokens: x is ", s, ", has no tokens from ", first, " on");
  const MeanTokens op{.x = x.value(), .first = first};
  const Var y = c.tape.output({s[0], 1, s[2]});
  op.forward(y.value());
  c.tape.record("mean_tokens", {x}, y, [=] { op.backward(y.grad(), x.grad()); });
  return y;
}

}  // namespace mvmoe
