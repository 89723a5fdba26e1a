// tools/study/page.h: a study as one HTML page.
#pragma once
#include <filesystem>
#include <string>

#include "tools/study/results.h"

namespace mvmoe::study {

// `folder`: the study's; the page stands in it, and links from there to the pages of its runs.
std::string page_of(const Study& study, const Results& results, const std::filesystem::path& folder);

}  // namespace mvmoe::study
