// engine/comm.cpp: the functions of Comm that are the same with MPI and without.
#include "engine/comm.h"

#include <algorithm>
#include <exception>

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe {
namespace {

// The first line in which two texts differ, as it stands in each.
std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b) {
  std::size_t at_a = 0, at_b = 0;
  for (;;) {
    const std::string line_a = a.substr(at_a, a.find('\n', at_a) - at_a),
                      line_b = b.substr(at_b, b.find('\n', at_b) - at_b);
    if (line_a != line_b || line_a.size() + at_a >= a.size() || line_b.size() + at_b >= b.size())
      return {line_a, line_b};
    at_a += line_a.size() + 1;
    at_b += line_b.size() + 1;
  }
}

// The exception of `work`; empty if it threw none. The text is for other ranks: a letter for the type, then the
// message.
struct Failure {
  std::string text;
  std::exception_ptr thrown;
};

Failure failure_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const UsageError& e) {
    return {std::string("u") + e.what(), std::current_exception()};
  } catch (const std::exception& e) {
    return {std::string("e") + e.what(), std::current_exception()};
  }
  return {};
}

void throw_again(const std::string& failure, const std::string& of) {
  if (failure.starts_with('u')) throw UsageError(of + failure.substr(1));
  if (failure.starts_with('e')) throw Error(of + failure.substr(1));
}

}  // namespace

void Comm::on_first(const std::function<void()>& work) {
  const Failure own = first() ? failure_of(work) : Failure{};
  const std::string outcome = ranks() > 1 ? broadcast(own.text) : own.text;
  if (own.thrown) std::rethrow_exception(own.thrown);
  throw_again(outcome, "");
}

void Comm::everywhere(const std::function<void()>& work) {
  const Failure own = failure_of(work);
  if (ranks() > 1) {
    const std::vector<std::string> outcomes = gather(own.text);
    const auto failed =
        std::find_if(outcomes.begin(), outcomes.end(), [](const std::string& text) { return !text.empty(); });
    const bool all = std::find(outcomes.begin(), outcomes.end(), "") == outcomes.end();
    if (failed != outcomes.end() && !all)
      throw_again(*failed, name(static_cast<int>(failed - outcomes.begin())) + ": ");
  }
  if (own.thrown) std::rethrow_exception(own.thrown);
}

void Comm::require_same(const std::string& what, const std::string& text) {
  if (ranks() == 1) return;
  const std::vector<std::string> texts = gather(text);
  for (int r = 1; r < ranks(); ++r) {
    const std::string& other = texts[static_cast<std::size_t>(r)];
    if (other == texts[0]) continue;
    const auto [own, its] = first_difference(texts[0], other);
    fail_usage(name(r), " has ", what, " ", its.empty() ? "nothing" : printable(its), " where rank 0 has ",
               own.empty() ? "nothing" : printable(own), ": all ranks must have the same");
  }
}

}  // namespace mvmoe
