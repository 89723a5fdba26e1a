#include "ops/cv_squared.h"

namespace mvmoe {
namespace {

double mean_of(Tensor s) {
  double sum = 0;
  for (std::size_t e = 0; e < s.size(); ++e) sum += s[e];
  return sum / static_cast<double>(s.size());
}

double variance_of(Tensor s, double mean) {
  double sum = 0;
  for (std::size_t e = 0; e < s.size(); ++e) sum += (s[e] - mean) * (s[e] - mean);
  return sum / static_cast<double>(s.size());
}

}  // namespace

double cv_squared(Tensor s) {
  const double m = mean_of(s);
  return variance_of(s, m) / (m * m);
}

void cv_squared_backward(Tensor s, double dloss, Tensor ds) {
  const double m = mean_of(s), variance = variance_of(s, m), E = static_cast<double>(s.size());
  for (std::size_t e = 0; e < s.size(); ++e)
    ds[e] += static_cast<float>(dloss * (2 * (s[e] - m) / (E * m * m) - 2 * variance / (E * m * m * m)));
}

Var cv_squared(Context& c, Var s) {
  const Var loss = c.tape.output({1});
  loss.value()[0] = static_cast<float>(cv_squared(s.value()));
  c.tape.record("cv_squared", {s}, loss, [=] { cv_squared_backward(s.value(), loss.grad()[0], s.grad()); });
  return loss;
}

}  // namespace mvmoe
