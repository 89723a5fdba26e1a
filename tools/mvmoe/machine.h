// tools/mvmoe/machine.h: what figures are to be read with.
#pragma once
#include <string>

namespace mvmoe {

// As /proc/cpuinfo names it, "unknown" where it does not.
std::string processor_name();

// The processors this process may run on, e.g. "0-1,4".
std::string pinning();

double peak_rss_mb();  // the most memory this process has held so far, MiB

}  // namespace mvmoe
