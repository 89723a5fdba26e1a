#include "tools/gradcheck/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "engine/error.h"
#include "tools/gradcheck/cases.h"
#include "tools/gradcheck/network.h"

namespace mvmoe::gradcheck {
namespace {

template <class Check>
Result worst_over(const std::vector<std::uint64_t>& seeds, const Check& check_one) {
  if (seeds.empty()) fail("gradcheck: no seed is given, at least one is needed");
  Result worst = check_one(seeds[0]);
  for (std::size_t i = 1; i < seeds.size(); ++i) worst = worse(worst, check_one(seeds[i]));
  return worst;
}

const char* word(Verdict verdict) {
  return verdict == Verdict::passed ? "ok" : verdict == Verdict::failed ? "FAILED" : "skipped";
}

int rank(Verdict verdict) { return verdict == Verdict::failed ? 2 : verdict == Verdict::skipped ? 1 : 0; }

}  // namespace

Result worse(const Result& a, const Result& b) {
  if (a.verdict != b.verdict) return rank(a.verdict) > rank(b.verdict) ? a : b;
  return std::isnan(a.largest_error) || a.largest_error >= b.largest_error ? a : b;
}

std::vector<Result> run_all(const std::vector<std::uint64_t>& seeds) {
  std::vector<Result> results;
  for (const Case& c : all_cases())
    results.push_back(worst_over(seeds, [&](std::uint64_t seed) { return check(c, seed); }));
  for (const NetworkEnd end : network_ends)
    results.push_back(worst_over(seeds, [&](std::uint64_t seed) { return check_network(end, seed); }));
  return results;
}

Counts count(const std::vector<Result>& results) {
  Counts counts;
  for (const Result& r : results)
    ++(r.verdict == Verdict::passed ? counts.passed : r.verdict == Verdict::failed ? counts.failed : counts.skipped);
  return counts;
}

int print_gradcheck(std::ostream& out, const std::vector<Result>& results) {
  std::size_t op = 2, shapes = 6;
  for (const Result& r : results) op = std::max(op, r.op.size()), shapes = std::max(shapes, r.shapes.size());
  const auto line = [&](const std::string& a, const std::string& b, const std::string& c, const std::string& d) {
    out << a << std::string(op + 2 - a.size(), ' ') << b << std::string(shapes + 2 - b.size(), ' ') << c
        << std::string(15 - c.size(), ' ') << d << '\n';
  };
  line("op", "shapes", "largest error", "verdict");
  for (const Result& r : results) {
    char error[16];
    std::snprintf(error, sizeof error, "%.1e", r.largest_error);
    line(r.op, r.shapes, r.verdict == Verdict::skipped ? "-" : error, word(r.verdict));
  }
  for (const Result& r : results)
    if (!r.reason.empty()) out << r.op << " (" << r.shapes << ") " << word(r.verdict) << ": " << r.reason << '\n';
  const Counts counts = count(results);
  out << counts.passed << " passed, " << counts.failed << " failed, " << counts.skipped
      << " skipped; an error is relative to the tensor's largest entry, at most " << tolerance << " passes\n";
  return counts.failed == 0 && counts.passed > 0 ? 0 : 1;
}

}  // namespace mvmoe::gradcheck
