// tools/report/pages.h: the two kinds of page, and the way from folders to one of them.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tools/report/pipeline.h"
#include "tools/report/training.h"

namespace mvmoe::report {

std::string training_page(const std::vector<Training>& trainings);
std::string pipeline_page(const Pipeline& pipeline);

// The page of these run folders: one pipeline's, or the trainings', over each other (several folders: a pipeline among
// them adds its trainings). Throws UsageError for a folder that holds no run, Error that names a file that is missing
// or damaged.
std::string page_of(const std::vector<std::filesystem::path>& folders);

}  // namespace mvmoe::report
