// tools/mvmoe/report.cpp: `mvmoe report`.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/options.h"
#include "tools/report/pages.h"

namespace mvmoe {

int report_command(const Words& words) {
  std::vector<std::string> runs;
  std::string out;
  bool json = false;
  Flags flags("report RUN... [flags]",
              "One self-contained HTML page from the folder of a pipeline, or of one or more trainings.");
  flags.add_positional("RUN...", runs, "folders that mvmoe train or mvmoe pipeline wrote");
  flags.add("out", out, "the page's file (empty: report.html in the first folder)", "FILE");
  flags.add("json", json, "results as one JSON object in the last line of stdout");
  if (!flags.parse(words)) return 0;
  if (runs.empty()) fail_usage("no run's folder is given: mvmoe report RUN... [flags]");
  if (flags.given("out") && out.empty()) fail_usage("--out: is empty, must be a file");
  for (const std::string& run : runs)
    if (run.empty()) fail_usage("RUN: is empty, must be the folder of a run");

  const std::string page = report::page_of({runs.begin(), runs.end()});
  const std::filesystem::path path =
      out.empty() ? std::filesystem::path(runs[0]) / "report.html" : std::filesystem::path(out);
  write_file(path, page);
  if (json) print_json({{"path", path.string()}});
  else std::printf("report: %s\n", printable(path.string()).c_str());
  return 0;
}

}  // namespace mvmoe
