// engine/cores.h: how many cores this process may use: by its affinity mask and by the quota of its control groups.
#pragma once
#include <filesystem>
#include <vector>

namespace mvmoe {

// The processors of the affinity mask (taskset, Slurm), in order. Processor 0 if the mask cannot be read.
std::vector<int> allowed_processors();

// The smallest quota, in cores, of the process's control groups (v2 and v1) and of the groups that contain them; 0 if
// there is none. `groups` is /proc/self/cgroup, and `root` the folder of the groups' files; tests pass other paths.
double quota_cores(const std::filesystem::path& groups, const std::filesystem::path& root);

// The smaller of affinity mask and quota, at least 1.
int available_cores();

}  // namespace mvmoe
