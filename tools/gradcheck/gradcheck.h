// tools/gradcheck/gradcheck.h: the whole table, and how it is printed.
//
//   const std::vector<Result> results = gradcheck::run_all({1, 2, 3});
//   return gradcheck::print_gradcheck(std::cout, results);   // the exit code
#pragma once
#include <iosfwd>
#include <vector>

#include "tools/gradcheck/check.h"

namespace mvmoe::gradcheck {

// Every case of the table and both networks, one result each: the worst over the seeds.
std::vector<Result> run_all(const std::vector<std::uint64_t>& seeds);

struct Counts {
  int passed = 0, failed = 0, skipped = 0;
};
Counts count(const std::vector<Result>& results);

// A row a result (op, shapes, largest error, verdict), reasons below, the three counts last. Gives the exit code: 0
// only if none failed and at least one passed.
int print_gradcheck(std::ostream& out, const std::vector<Result>& results);

// The worse of two results of one case: failed before skipped before passed, then the larger error.
Result worse(const Result& a, const Result& b);

}  // namespace mvmoe::gradcheck
