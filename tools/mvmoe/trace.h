// tools/mvmoe/trace.h: timelines as a file in the Chrome trace format, which https://ui.perfetto.dev opens.
#pragma once
#include <filesystem>
#include <vector>

#include "engine/timeline.h"

namespace mvmoe {

// One track for each thread, and one more for `steps`: an event for each whole step. Times are microseconds since the
// first step began. Throws if the file cannot be written.
void write_trace(const std::filesystem::path& file, const std::vector<Timeline>& threads, const Timeline& steps);

}  // namespace mvmoe
