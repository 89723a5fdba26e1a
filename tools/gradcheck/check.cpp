#include "tools/gradcheck/check.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/random.h"

namespace mvmoe::gradcheck {
namespace {

// A float tensor that owns its memory: the arena's is the op's.
struct Floats {
  std::vector<float> values;
  Tensor tensor;
  explicit Floats(Shape shape) : values(shape.size()), tensor(values.data(), shape) {}
  Floats(Floats&&) = default;  // moved, not copied: the memory stays where `tensor` looks
  Floats& operator=(Floats&&) = default;
};

void fail_result(Result& result, const std::string& reason) {
  if (result.verdict == Verdict::failed) return;  // the first reason is the one to read
  result.verdict = Verdict::failed;
  result.reason = reason;
}

// Random operands, and what the op must give for them: both kinds of kernels are judged by it.
struct Trial {
  std::vector<Floats> inputs;
  Floats dy;
  Array y;
  Arrays gradients;  // one for each input, empty where none is wanted
};

Trial draw_trial(const Case& c, std::uint64_t seed, std::uint64_t attempt) {
  std::vector<Floats> inputs;
  Arrays arrays;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    inputs.emplace_back(c.inputs[i].shape);
    draw(seed, attempt * 1000 + i, c.inputs[i].draw, inputs.back().tensor);
    arrays.emplace_back(inputs.back().tensor);
  }
  Array y = c.reference(arrays);
  Floats dy(y.shape);
  draw(seed, attempt * 1000 + 100, Draw::away_from_zero, dy.tensor);
  Trial trial{
      .inputs = std::move(inputs), .dy = std::move(dy), .y = std::move(y), .gradients = Arrays(c.inputs.size())};
  const Array cotangent(trial.dy.tensor);
  for (std::size_t i = 0; i < arrays.size(); ++i)
    if (c.inputs[i].wants_grad)
      trial.gradients[i] = finite_difference([&] { return c.reference(arrays); }, arrays[i], cotangent);
  return trial;
}

bool above_floor(double largest) { return std::isfinite(largest) && largest > reference_floor; }

bool shows_something(const Case& c, const Trial& trial) {
  bool shows = above_floor(largest_entry(trial.y));
  for (std::size_t i = 0; i < c.inputs.size(); ++i)
    shows = shows && (!c.inputs[i].wants_grad || above_floor(largest_entry(trial.gradients[i])));
  return shows;
}

void check_kernels(const Case& c, const Trial& trial, std::uint64_t seed, Kernels kernels, Result& result) {
  const Parameters none;
  Context context(none, kernels);
  context.begin({.training = true, .seed = seed}, nullptr);
  std::vector<Floats> gradients, before;  // before: what the gradients held, since a backward adds
  Vars vars;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const Tensor value = trial.inputs[i].tensor;
    before.emplace_back(value.shape());
    gradients.emplace_back(value.shape());
    draw(seed, 200 + i, Draw::normal, before[i].tensor);
    // On the gradient's own scale, so that rounding of the sum does not drown a small gradient.
    for (float& v : before[i].values) v *= static_cast<float>(largest_entry(trial.gradients[i]));
    gradients[i].tensor.copy_from(before[i].tensor);
    vars.push_back(c.inputs[i].wants_grad ? context.tape.leaf(value, gradients[i].tensor)
                                          : context.tape.constant(value));
  }
  const std::string kind = text(", ", name_of(kernels), " kernels");
  const Var y = c.record(context, vars);
  if (!(y.shape() == trial.y.shape)) return fail_result(result, text("y is ", y.shape(), ", must be ", trial.y.shape));
  require_reference(result, "y", largest_entry(trial.y));
  for (std::size_t i = 0; i < trial.y.values.size(); ++i)
    compare(result, y.value()[i], trial.y.values[i], largest_entry(trial.y), "y" + kind, i);
  context.tape.backward(y, trial.dy.tensor);
  for (std::size_t input = 0; input < c.inputs.size(); ++input) {
    const std::string name = "d" + c.inputs[input].name;
    if (!c.inputs[input].wants_grad) {
      if (!vars[input].grad().empty()) fail_result(result, name + " exists, but nobody wants it");
      continue;
    }
    const Array& gradient = trial.gradients[input];
    const double largest = largest_entry(gradient);
    require_reference(result, name, largest);
    for (std::size_t i = 0; i < gradient.values.size(); ++i)
      compare(result, gradients[input].values[i] - static_cast<double>(before[input].values[i]), gradient.values[i],
              largest, name + kind, i);
  }
}

}  // namespace

std::string Case::shapes() const {
  std::string out;
  for (const Input& input : inputs) out += text(out.empty() ? "" : ", ", input.name, " ", input.shape);
  return setting.empty() ? out : out + ", " + setting;
}

const char* name_of(Kernels kernels) { return kernels == Kernels::fast ? "fast" : "plain"; }

void draw(std::uint64_t seed, std::uint64_t stream, Draw how, Tensor into) {
  Random random(seed, Place::test, stream);
  if (how == Draw::away_from_zero) {
    for (std::size_t i = 0; i < into.size(); ++i)
      into[i] = (random.chance(0.5f) ? 1.0f : -1.0f) * random.uniform(0.5f, 1.5f);
    return;
  }
  for (std::size_t i = 0; i < into.size(); ++i) into[i] = random.normal();
  if (how == Draw::normal) return;
  for (int r = 0; r < into.rows(); ++r) {
    double sum = 0;
    for (int i = 0; i < into.width(); ++i) sum += std::exp(into.row(r)[i]);
    for (int i = 0; i < into.width(); ++i) into.row(r)[i] = static_cast<float>(std::exp(into.row(r)[i]) / sum);
  }
}

// Step h: the truncation is of the size of h^2 = 1e-10, the rounding of 1e-16 / h = 1e-11; outputs are subtracted one
// by one before they are summed, so that those which x does not touch leave no rounding at all.
Array finite_difference(const std::function<Array()>& forward, Array& x, const Array& dy) {
  Array gradient(x.shape);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const double at = x.values[i], h = 1e-5 * std::max(1.0, std::abs(at));
    x.values[i] = at + h;
    const Array above = forward();
    const double upper = x.values[i];
    x.values[i] = at - h;
    const Array below = forward();
    const double width = upper - x.values[i];  // not quite 2h: at + h was rounded
    x.values[i] = at;
    double sum = 0;
    for (std::size_t j = 0; j < dy.values.size(); ++j) sum += dy.values[j] * (above.values[j] - below.values[j]);
    gradient.values[i] = sum / width;
  }
  return gradient;
}

double largest_entry(const Array& a) {
  double largest = 0;
  for (const double v : a.values)
    if (!std::isnan(largest) && !(std::abs(v) <= largest)) largest = std::abs(v);
  return largest;
}

void compare(Result& result, double is, double must_be, double largest, const std::string& name, std::size_t index) {
  const double error = is == must_be ? 0 : std::abs(is - must_be) / largest;
  if (std::isnan(result.largest_error) || error <= result.largest_error) return;
  result.largest_error = error;  // larger, or NaN
  result.where = text(name, " [", index, "]: is ", is, ", must be ", must_be);
  if (!(error <= tolerance)) {
    result.verdict = Verdict::failed;
    result.reason = result.where;
  }
}

void require_reference(Result& result, const std::string& name, double largest) {
  if (!above_floor(largest))
    fail_result(result, text(name, ": the largest reference entry is ", largest, ": the case shows nothing"));
}

Result check(const Case& c, std::uint64_t seed) {
  Result result{.op = c.op, .shapes = c.shapes()};
  if (!c.skipped.empty()) {
    result.verdict = Verdict::skipped;
    result.reason = c.skipped;
    return result;
  }
  Trial trial = draw_trial(c, seed, 0);
  for (std::uint64_t attempt = 1; attempt < 20 && !shows_something(c, trial); ++attempt)
    trial = draw_trial(c, seed, attempt);
  for (const Kernels kernels : {Kernels::fast, Kernels::plain}) check_kernels(c, trial, seed, kernels, result);
  return result;
}

Case wanting_only(Case c, std::size_t input) {
  for (std::size_t i = 0; i < c.inputs.size(); ++i) c.inputs[i].wants_grad = c.inputs[i].wants_grad && i == input;
  return c;
}

}  // namespace mvmoe::gradcheck
