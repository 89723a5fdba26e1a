// tools/library/load.h: what load.cpp, which runs on any x86-64, and mvmoe.cpp, which does not, need of each other.
#pragma once
#include "tools/library/mvmoe.h"

namespace mvmoe {

void keep_error(const char* what);                      // what mvmoe_error gives from here on, on this thread
mvmoe_model* load_on_this_processor(const char* path);  // mvmoe_load, where the processor is known to be able to

}  // namespace mvmoe
