// engine/launcher.h: reads whether a launcher (mpirun, srun) started this process as one of several.
#pragma once
#include <string>

namespace mvmoe {

struct Launcher {
  int tasks = 1;         // processes that the launcher started to work together
  std::string variable;  // the environment variable that says so; empty: no launcher
};

// Reads the environment: OMPI_COMM_WORLD_SIZE (Open MPI's mpirun), PMI_SIZE (other mpiruns), SLURM_STEP_NUM_TASKS and
// SLURM_NTASKS (srun). A Slurm batch script is a single process, but has SLURM_NTASKS too. It has no SLURM_STEP_ID, so
// there the SLURM variables are ignored.
Launcher launcher();

}  // namespace mvmoe
