// tools/mvmoe/gradcheck.cpp: `mvmoe gradcheck`: the proof of every backward, for a user to run.
#include "tools/gradcheck/gradcheck.h"

#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/options.h"

namespace mvmoe {

int gradcheck_command(const Words& words) {
  int seeds = 3;
  bool json = false;
  Flags flags(
      "gradcheck [flags]",
      "Checks each op's backward, as it is recorded in training, against central differences of a double-precision\n"
      "reference: every element, random inputs and random cotangents, fast and plain kernels; then two whole "
      "networks.");
  flags.add("seeds", seeds, "how many draws of every case", 1, 1000);
  flags.add("json", json, "results as one JSON object in the last line of stdout");
  if (!flags.parse(words)) return 0;

  std::vector<std::uint64_t> draws;
  for (int i = 1; i <= seeds; ++i) draws.push_back(static_cast<std::uint64_t>(i));
  const auto results = gradcheck::run_all(draws);
  const int code = gradcheck::print_gradcheck(std::cout, results);
  std::cout.flush();
  if (json) {
    std::set<std::string> ops;
    for (const auto& result : results) ops.insert(result.op);
    const auto counts = gradcheck::count(results);
    print_json(
        {{"ops", ops.size()}, {"cases", results.size()}, {"failed", counts.failed}, {"skipped", counts.skipped}});
  }
  return code;
}

}  // namespace mvmoe
