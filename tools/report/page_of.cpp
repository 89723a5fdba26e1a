// tools/report/page_of.cpp: which page the folders make.
#include <algorithm>

#include "engine/error.h"
#include "engine/files.h"
#include "tools/report/pages.h"

namespace mvmoe::report {
namespace {

namespace fs = std::filesystem;

bool holds_training(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "config.json", ignored) || fs::exists(folder / "log.csv", ignored);
}

void require_run(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found) fail(printable(folder.string()), ": No such file or directory");
  if (status.type() == fs::file_type::none) fail(printable(folder.string()), ": ", error.message());
  if (!fs::is_directory(status))
    fail_usage(printable(folder.string()), ": is not a folder, must be the folder of a run");
  if (!holds_pipeline(folder) && !holds_training(folder))
    fail_usage(
        printable(folder.string()),
        ": holds no run (neither config.json and log.csv, as mvmoe train writes them, nor what mvmoe pipeline writes)");
}

// The folder's own name where no other run has it, else the path as it was given.
std::string name_of(const fs::path& folder, const std::vector<fs::path>& all) {
  const auto last = [](const fs::path& path) {
    const fs::path normal = fs::absolute(path).lexically_normal();
    return (normal.has_filename() ? normal.filename() : normal.parent_path().filename()).string();
  };
  const auto same =
      std::count_if(all.begin(), all.end(), [&](const fs::path& other) { return last(other) == last(folder); });
  return same > 1 || last(folder).empty() ? folder.string() : last(folder);
}

}  // namespace

std::string page_of(const std::vector<fs::path>& folders) {
  for (const fs::path& folder : folders) require_run(folder);
  if (folders.size() == 1 && holds_pipeline(folders[0]))
    return pipeline_page(read_pipeline(folders[0], name_of(folders[0], folders)));
  std::vector<Training> trainings;
  for (const fs::path& folder : folders) {
    const std::string name = name_of(folder, folders);
    if (!holds_pipeline(folder)) {
      trainings.push_back(read_training(folder, name));
      continue;
    }
    for (const char* part : {"dense", "control", "moe"}) {
      std::error_code ignored;
      if (fs::is_directory(folder / part, ignored))
        trainings.push_back(read_training(folder / part, name + "/" + part));
    }
  }
  return training_page(trainings);
}

}  // namespace mvmoe::report
