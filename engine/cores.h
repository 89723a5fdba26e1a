// engine/cores.h: how many cores this process may use: what the system has, less what the administrator keeps.
#pragma once
#include <filesystem>
#include <vector>

namespace mvmoe {

// The processors of the affinity mask (taskset, Slurm), in order; at least one, if the mask cannot be read: 0.
std::vector<int> allowed_processors();

// The smallest quota, in cores, of the control groups that the process is in (v2 and v1; a group is bound by those
// around it too); 0 where there is none. `groups` is /proc/self/cgroup and `root` where the groups' files are,
// elsewhere in tests.
double quota_cores(const std::filesystem::path& groups, const std::filesystem::path& root);

// Affinity mask and quota together, at least 1.
int available_cores();

}  // namespace mvmoe
