#include "engine/launcher.h"

#include <cstdlib>

namespace mvmoe {

Launcher launcher() {
  const bool batch_script = std::getenv("SLURM_JOB_ID") && !std::getenv("SLURM_STEP_ID");
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}) {
    if (batch_script && std::string(variable).starts_with("SLURM_")) continue;
    const char* const value = std::getenv(variable);
    if (!value) continue;
    const long tasks = std::strtol(value, nullptr, 10);
    if (tasks >= 1) return {.tasks = static_cast<int>(tasks), .variable = variable};
  }
  return {};
}

}  // namespace mvmoe
