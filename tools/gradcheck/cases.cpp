#include "tools/gradcheck/cases.h"

#include "engine/error.h"
#include "ops/attention.h"
#include "ops/cross_entropy.h"
#include "ops/distillation.h"
#include "ops/gelu.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/patch_embed.h"
#include "ops/residual.h"
#include "ops/tokens.h"
#include "tools/gradcheck/sparse_cases.h"

// One function an operation: from sizes to a case. Sizes are 1, odd, beyond a vector's width (33, 192) and, where a
// loop goes over them, one row, one token, one image, one head. No two axes of a case agree where they may differ, so
// that swapped ones show.
namespace mvmoe::gradcheck {
namespace {

Case patch_embed_case(int b, int channels, int S, int D, int P) {
  return {.op = "patch_embed",
          .inputs = {{"images", {b, channels, S, S}, false}, {"weight", {D, channels, P, P}}, {"bias", {D}}},
          .record = [](Context& c, const Vars& in) { return patch_embed(c, in[0], in[1], in[2]); },
          .reference = [](const Arrays& in) { return reference::patch_embed(in[0], in[1], in[2]); }};
}

Case embed_tokens_case(int b, int N, int D) {
  return {.op = "embed_tokens",
          .inputs = {{"patches", {b, N, D}}, {"class_token", {1, 1, D}}, {"positions", {1, N + 1, D}}},
          .record = [](Context& c, const Vars& in) { return embed_tokens(c, in[0], in[1], in[2]); },
          .reference = [](const Arrays& in) { return reference::embed_tokens(in[0], in[1], in[2]); }};
}

Case embed_patches_case(int b, int N, int D) {  // without a class token
  return {.op = "embed_tokens",
          .inputs = {{"patches", {b, N, D}}, {"positions", {1, N, D}}},
          .record = [](Context& c, const Vars& in) { return embed_tokens(c, in[0], {}, in[1]); },
          .reference = [](const Arrays& in) { return reference::embed_tokens(in[0], {}, in[1]); }};
}

// eps is large in one case: at 1e-6 nobody would see it missing.
Case layer_norm_case(Shape x, float eps = 1e-6f) {
  return {.op = "layer_norm",
          .inputs = {{"x", x}, {"gamma", {x.back()}}, {"beta", {x.back()}}},
          .record = [eps](Context& c, const Vars& in) { return layer_norm(c, in[0], in[1], in[2], eps); },
          .reference = [eps](const Arrays& in) { return reference::layer_norm(in[0], in[1], in[2], eps); },
          .setting = text("eps ", eps)};
}

Case linear_case(Shape x, int N) {
  return {.op = "linear",
          .inputs = {{"x", x}, {"weight", {N, x.back()}}, {"bias", {N}}},
          .record = [](Context& c, const Vars& in) { return linear(c, in[0], in[1], in[2]); },
          .reference = [](const Arrays& in) { return reference::linear(in[0], in[1], in[2]); }};
}

Case linear_without_bias_case(Shape x, int N) {
  return {.op = "linear",
          .inputs = {{"x", x}, {"weight", {N, x.back()}}},
          .record = [](Context& c, const Vars& in) { return linear(c, in[0], in[1], {}); },
          .reference = [](const Arrays& in) { return reference::linear(in[0], in[1], {}); },
          .setting = "no bias"};
}

Case attention_case(int b, int T, int heads, int d) {
  return {.op = "attention",
          .inputs = {{"qkv", {b, T, 3 * heads * d}}},
          .record = [heads](Context& c, const Vars& in) { return attention(c, in[0], heads); },
          .reference = [heads](const Arrays& in) { return reference::attention(in[0], heads); },
          .setting = text("heads ", heads)};
}

Case fewer_queries_case(int b, int Tq, int T, int heads, int d) {
  return {.op = "attention",
          .inputs = {{"q", {b, Tq, heads * d}}, {"kv", {b, T, 2 * heads * d}}},
          .record = [heads](Context& c, const Vars& in) { return attention(c, in[0], in[1], heads); },
          .reference = [heads](const Arrays& in) { return reference::attention(in[0], in[1], heads); },
          .setting = text("heads ", heads)};
}

Case gelu_case(Shape x) {
  return {.op = "gelu",
          .inputs = {{"x", x}},
          .record = [](Context& c, const Vars& in) { return gelu(c, in[0]); },
          .reference = [](const Arrays& in) { return reference::gelu(in[0]); }};
}

Case residual_case(Shape x) {
  return {.op = "residual",
          .inputs = {{"x", x}, {"branch", x}},
          .record = [](Context& c, const Vars& in) { return residual(c, in[0], in[1]); },
          .reference = [](const Arrays& in) { return reference::residual(in[0], in[1], {}); }};
}

Case residual_with_factors_case(Shape x) {
  return {.op = "residual",
          .inputs = {{"x", x}, {"branch", x}, {"factors", {x[0]}, false}},
          .record = [](Context& c, const Vars& in) { return residual(c, in[0], in[1], in[2].value()); },
          .reference = [](const Arrays& in) { return reference::residual(in[0], in[1], in[2]); }};
}

Case select_token_case(Shape x, int token) {
  return {.op = "select_token",
          .inputs = {{"x", x}},
          .record = [token](Context& c, const Vars& in) { return select_token(c, in[0], token); },
          .reference = [token](const Arrays& in) { return reference::select_token(in[0], token); },
          .setting = text("token ", token)};
}

Case mean_tokens_case(Shape x, int first) {
  return {.op = "mean_tokens",
          .inputs = {{"x", x}},
          .record = [first](Context& c, const Vars& in) { return mean_tokens(c, in[0], first); },
          .reference = [first](const Arrays& in) { return reference::mean_tokens(in[0], first); },
          .setting = text("from ", first)};
}

// Targets also as any weights, normal ones: where a row's sum is 1, a backward that takes that for granted looks right.
Case cross_entropy_case(int b, int C, Draw targets = Draw::distribution) {
  return {.op = "cross_entropy",
          .inputs = {{"logits", {b, C}}, {"targets", {b, C}, false, targets}},
          .record = [](Context& c, const Vars& in) { return cross_entropy(c, in[0], in[1].value()); },
          .reference = [](const Arrays& in) { return reference::cross_entropy(in[0], in[1]); },
          .setting = targets == Draw::normal ? "any weights" : ""};
}

Case distillation_case(int b, int C, float temperature) {
  return {.op = "distillation",
          .inputs = {{"logits", {b, C}}, {"teacher", {b, C}, false}},
          .record = [=](Context& c, const Vars& in) { return distillation(c, in[0], in[1].value(), temperature); },
          .reference = [=](const Arrays& in) { return reference::distillation(in[0], in[1], temperature); },
          .setting = text("temperature ", temperature)};
}

// Not an operation: one variable read three times, as itself and through two views, whose gradients must meet in it.
Case view_case(int b, int T, int D) {
  return {.op = "view",
          .inputs = {{"x", {b, T, D}}},
          .record =
              [=](Context& c, const Vars& in) {
                const Var flat = c.tape.view(in[0], {b * T, D});
                const Var curved = c.tape.view(gelu(c, flat), {b, T, D});
                return residual(c, residual(c, curved, in[0]), gelu(c, c.tape.view(flat, {b, T, D})));
              },
          .reference =
              [](const Arrays& in) {
                const Array curved = reference::gelu(in[0]);
                return reference::residual(reference::residual(curved, in[0], {}), curved, {});
              }};
}

}  // namespace

// Layer norms of width 1 and 2 are left out: their gradient in x is zero, or of the size of eps (tested apart). Width 3
// is left out for its luck: of 1000 draws three had a row so even that fp32's own rounding of x - mean is 2e-5 of dx.
std::vector<Case> all_cases() {
  std::vector<Case> cases{
      patch_embed_case(1, 3, 2, 1, 2),
      patch_embed_case(2, 3, 6, 5, 2),
      patch_embed_case(3, 1, 4, 33, 4),
      patch_embed_case(1, 3, 3, 7, 1),
      embed_tokens_case(1, 1, 1),
      embed_tokens_case(3, 4, 7),
      embed_tokens_case(2, 5, 33),
      embed_patches_case(1, 1, 5),
      embed_patches_case(3, 4, 7),
      layer_norm_case({1, 5}),
      layer_norm_case({2, 7}),
      layer_norm_case({5, 8}),
      layer_norm_case({2, 3, 33}),
      layer_norm_case({4, 192}),
      layer_norm_case({3, 5}, 0.5f),
      linear_case({1, 1}, 1),
      linear_case({1, 5}, 3),
      linear_case({7, 3}, 1),
      linear_case({2, 3, 5}, 33),
      linear_case({3, 192}, 7),
      linear_case({4, 33}, 48),
      linear_without_bias_case({5, 7}, 4),
      attention_case(1, 1, 1, 1),
      attention_case(1, 1, 2, 3),
      attention_case(2, 3, 1, 5),
      attention_case(3, 7, 2, 4),
      attention_case(1, 33, 3, 2),
      attention_case(1, 65, 2, 3),
      attention_case(2, 5, 1, 33),
      fewer_queries_case(1, 1, 3, 1, 2),
      fewer_queries_case(3, 1, 7, 2, 3),
      fewer_queries_case(2, 3, 5, 3, 4),
      fewer_queries_case(1, 2, 33, 1, 7),
      // Heads of whole vectors, which go by tiles: rows and columns left over, a head wider than a tile.
      attention_case(2, 3, 2, 16),
      attention_case(1, 35, 1, 32),
      attention_case(1, 5, 1, 80),
      fewer_queries_case(2, 1, 7, 2, 16),
      fewer_queries_case(1, 18, 5, 1, 16),
      gelu_case({1}),
      gelu_case({3, 5}),
      gelu_case({2, 3, 33}),
      residual_case({1, 1, 1}),
      residual_case({3, 5, 7}),
      residual_with_factors_case({1, 2, 33}),
      residual_with_factors_case({3, 5, 7}),
      select_token_case({1, 1, 1}, 0),
      select_token_case({3, 5, 7}, 0),
      select_token_case({2, 3, 33}, 2),
      mean_tokens_case({1, 1, 1}, 0),
      mean_tokens_case({3, 5, 7}, 1),
      mean_tokens_case({2, 4, 33}, 0),
      mean_tokens_case({2, 3, 5}, 2),
      cross_entropy_case(1, 2),
      cross_entropy_case(3, 7),
      cross_entropy_case(2, 192),
      cross_entropy_case(3, 5, Draw::normal),
      distillation_case(1, 2, 1),
      distillation_case(3, 7, 3),
      distillation_case(2, 192, 0.5f),
      distillation_case(4, 33, 2),
      view_case(2, 3, 5),
  };
  for (Case& sparse : sparse_cases()) cases.push_back(std::move(sparse));
  return cases;
}

std::vector<Case> cases_of(const std::string& op) {
  std::vector<Case> cases;
  for (const Case& c : all_cases())
    if (c.op == op) cases.push_back(c);
  if (cases.empty()) fail("gradcheck: no case of '", op, "' in the table");
  return cases;
}

}  // namespace mvmoe::gradcheck
