// tools/mvmoe/machine.h: what figures are to be read with.
#pragma once
#include <string>

namespace mvmoe {

// As /proc/cpuinfo names it, "unknown" where it does not.
std::string processor_name();

}  // namespace mvmoe
