#include "tools/gradcheck/sparse_cases.h"

#include <memory>

#include "engine/error.h"
#include "ops/add_loss.h"
#include "ops/cv_squared.h"
#include "ops/dispatch.h"
#include "ops/dot.h"
#include "ops/gate.h"
#include "ops/grouped_linear.h"
#include "ops/load_sum.h"
#include "ops/softmax.h"
#include "ops/sum_of_rows.h"
#include "ops/switch_loss.h"
#include "ops/z_loss.h"
#include "tools/gradcheck/sparse_reference.h"

// Choosing has no derivative, so the choice is fixed here: item i's j-th choice is a function of i and j alone, and
// expert 1 is chosen by nobody. n items, E experts, k choices, rows an item.
namespace mvmoe::gradcheck {
namespace {

struct Routes {
  int n, E, k;
  int capacity = 0;
};

int choice(const Routes& r, int item, int rank) {
  int e = (item * 3 + rank) % std::max(1, r.E - 1);  // 0 .. E-2
  return e == 0 ? 0 : e + 1 < r.E ? e + 1 : e;       // 1 is left out
}

Assignments assignments_of(Context& c, const Routes& r) {
  int* chosen = static_cast<int*>(c.arena.take_bytes(static_cast<std::size_t>(r.n * r.k) * sizeof(int)));
  for (int i = 0; i < r.n; ++i)
    for (int j = 0; j < r.k; ++j) chosen[i * r.k + j] = choice(r, i, j);
  return assign(c.arena, c.arena.take({r.n, r.E}), chosen, r.k, {.per_expert = r.capacity});
}

reference::Pairs pairs_of(const Routes& r) {
  reference::Pairs pairs;
  for (int e = 0; e < r.E; ++e) {
    int taken = 0;
    for (int j = 0; j < r.k; ++j)
      for (int i = 0; i < r.n; ++i)
        if (choice(r, i, j) == e && (r.capacity == 0 || taken < r.capacity)) pairs.emplace_back(i, e), ++taken;
  }
  return pairs;
}

int count(const Routes& r) { return static_cast<int>(pairs_of(r).size()); }

std::string setting(const Routes& r) {
  return text("k ", r.k, ", experts ", r.E) + (r.capacity ? text(", capacity ", r.capacity) : "");
}

Case softmax_case(Shape z) {
  return {.op = "softmax",
          .inputs = {{"z", z}},
          .record = [](Context& c, const Vars& in) { return softmax(c, in[0]); },
          .reference = [](const Arrays& in) { return reference::softmax(in[0]); }};
}

Case gate_case(Routes r, bool renormalise) {
  return {.op = "gate",
          .inputs = {{"p", {r.n, r.E}, true, Draw::distribution}},
          .record = [=](Context& c, const Vars& in) { return gate(c, in[0], assignments_of(c, r), renormalise); },
          .reference = [=](const Arrays& in) { return reference::gate(in[0], pairs_of(r), renormalise); },
          .setting = setting(r) + (renormalise ? ", renormalised" : "")};
}

Case dispatch_case(Routes r, int rows, int D) {
  return {.op = "dispatch",
          .inputs = {{"x", {r.n, rows, D}}},
          .record = [=](Context& c, const Vars& in) { return dispatch(c, in[0], assignments_of(c, r)); },
          .reference = [=](const Arrays& in) { return reference::dispatch(in[0], pairs_of(r), r.n); },
          .setting = setting(r)};
}

Case combine_case(Routes r, int rows, int D) {
  return {.op = "combine",
          .inputs = {{"ys", {count(r) * rows, D}}, {"gates", {count(r)}}},
          .record =
              [=](Context& c, const Vars& in) {
                return combine(c, in[0], in[1], assignments_of(c, r), {r.n, rows, D});
              },
          .reference =
              [=](const Arrays& in) {
                return reference::combine(in[0], in[1], pairs_of(r), {r.n, rows, D});
              },
          .setting = setting(r)};
}

Case grouped_linear_case(Routes r, int rows, int K, int N) {
  return {.op = "grouped_linear",
          .inputs = {{"x", {count(r) * rows, K}}, {"weight", {r.E, N, K}}, {"bias", {r.E, N}}},
          .record = [=](Context& c,
                        const Vars& in) { return grouped_linear(c, in[0], in[1], in[2], assignments_of(c, r)); },
          .reference = [=](const Arrays& in) { return reference::grouped_linear(in[0], in[1], in[2], pairs_of(r)); },
          .setting = setting(r)};
}

Case sum_of_rows_case(int n, int E) {
  return {.op = "sum_of_rows",
          .inputs = {{"p", {n, E}}},
          .record = [](Context& c, const Vars& in) { return sum_of_rows(c, in[0]); },
          .reference = [](const Arrays& in) { return reference::sum_of_rows(in[0]); }};
}

Case load_sum_case(int n, int E, int k, float sigma) {
  return {.op = "load_sum",
          .inputs = {{"z", {n, E}}, {"noise", {n, E}, false}},
          .record = [=](Context& c, const Vars& in) { return load_sum(c, in[0], in[1].value(), k, sigma); },
          .reference = [=](const Arrays& in) { return reference::load_sum(in[0], in[1], k, double{sigma}); },
          .setting = text("k ", k, ", sigma ", sigma)};
}

// Sums of positive numbers: a mean near zero is no load.
Case cv_squared_case(int E) {
  return {.op = "cv_squared",
          .inputs = {{"p", {5, E}, true, Draw::distribution}},
          .record = [](Context& c, const Vars& in) { return cv_squared(c, sum_of_rows(c, in[0])); },
          .reference = [](const Arrays& in) { return reference::cv_squared(reference::sum_of_rows(in[0])); }};
}

Case switch_loss_case(int n, int E) {
  return {.op = "switch_loss",
          .inputs = {{"p", {n, E}, true, Draw::distribution}},
          .record = [](Context& c, const Vars& in) { return switch_loss(c, in[0]); },
          .reference = [](const Arrays& in) { return reference::switch_loss(in[0]); }};
}

Case z_loss_case(int n, int E) {
  return {.op = "z_loss",
          .inputs = {{"z", {n, E}}},
          .record = [](Context& c, const Vars& in) { return z_loss(c, in[0]); },
          .reference = [](const Arrays& in) { return reference::z_loss(in[0]); }};
}

Case dot_case(int n) {
  return {.op = "dot",
          .inputs = {{"s", {n}}, {"weights", {n}, false}},
          .record = [](Context& c, const Vars& in) { return dot(c, in[0], in[1].value()); },
          .reference =
              [](const Arrays& in) {
                reference::Array y({1});
                for (std::size_t i = 0; i < in[0].values.size(); ++i) y.values[0] += in[0].values[i] * in[1].values[i];
                return y;
              }};
}

Case add_loss_case(float weight) {
  return {.op = "add_loss",
          .inputs = {{"total", {1}, true, Draw::away_from_zero}, {"loss", {1}, true, Draw::away_from_zero}},
          .record = [=](Context& c, const Vars& in) { return add_loss(c, in[0], weight, in[1]); },
          .reference =
              [=](const Arrays& in) {
                reference::Array y({1});
                y.values[0] = in[0].values[0] + double{weight} * in[1].values[0];
                return y;
              },
          .setting = text("weight ", weight)};
}

}  // namespace

std::vector<Case> sparse_cases() {
  return {
      softmax_case({1, 2}),
      softmax_case({3, 5}),
      softmax_case({2, 3, 33}),
      gate_case({1, 3, 1}, false),
      gate_case({7, 5, 2}, false),
      gate_case({7, 5, 2}, true),
      gate_case({9, 4, 2, 2}, true),
      dispatch_case({1, 3, 1}, 1, 1),
      dispatch_case({5, 4, 2}, 3, 7),
      dispatch_case({9, 4, 2, 2}, 1, 33),
      combine_case({1, 3, 1}, 1, 1),
      combine_case({5, 4, 2}, 3, 7),
      combine_case({9, 4, 2, 2}, 1, 33),
      grouped_linear_case({1, 3, 1}, 1, 1, 2),
      grouped_linear_case({5, 4, 2}, 3, 7, 5),
      grouped_linear_case({9, 4, 2, 2}, 1, 33, 8),
      sum_of_rows_case(1, 3),
      sum_of_rows_case(7, 5),
      load_sum_case(1, 3, 1, 0.5f),
      load_sum_case(7, 5, 2, 0.7f),
      load_sum_case(4, 5, 5, 1.0f),
      cv_squared_case(3),
      cv_squared_case(10),
      switch_loss_case(1, 3),
      switch_loss_case(7, 5),
      z_loss_case(1, 2),
      z_loss_case(7, 5),
      z_loss_case(3, 33),
      dot_case(1),
      dot_case(10),
      add_loss_case(0.3f),
      add_loss_case(-2.0f),
  };
}

}  // namespace mvmoe::gradcheck
