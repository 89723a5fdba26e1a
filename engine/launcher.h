// engine/launcher.h: whether a launcher (mpirun, srun) started this process as one of several.
#pragma once
#include <string>

namespace mvmoe {

struct Launcher {
  int tasks = 1;         // processes that it started to work together
  std::string variable;  // of the environment, that says so; empty: there is no launcher
};

// Reads the environment: OMPI_COMM_WORLD_SIZE (Open MPI's mpirun), PMI_SIZE (other mpiruns), SLURM_STEP_NUM_TASKS and
// SLURM_NTASKS (srun). A Slurm batch script has the last one too, though it is a single process: it has no step's
// number.
Launcher launcher();

}  // namespace mvmoe
