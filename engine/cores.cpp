#include "engine/cores.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

// In cores; 0 if the group has no quota.
double quota_v2(const fs::path& group) {
  std::string quota;  // "max" or microseconds
  double period = 0;
  std::ifstream(group / "cpu.max") >> quota >> period;
  return period > 0 ? std::strtod(quota.c_str(), nullptr) / period : 0;
}

double quota_v1(const fs::path& group) {
  double quota = 0, period = 0;  // quota -1: none
  std::ifstream(group / "cpu.cfs_quota_us") >> quota;
  std::ifstream(group / "cpu.cfs_period_us") >> period;
  return quota > 0 && period > 0 ? quota / period : 0;
}

// The smallest quota of a group and of the groups that contain it, up to `root`. Inside a container a group may have
// the host's name, which has no file here. Then only the groups that contain it count.
double smallest_quota(const fs::path& root, const std::string& group, double (*quota_of)(const fs::path&)) {
  double smallest = 0;
  fs::path path = fs::path(group).relative_path();
  for (;; path = path.parent_path()) {
    const double quota = quota_of(root / path);
    if (quota > 0 && (smallest == 0 || quota < smallest)) smallest = quota;
    if (path.empty()) return smallest;
  }
}

}  // namespace

std::vector<int> allowed_processors() {
  std::vector<int> processors;
  // The kernel refuses a mask smaller than its own. The usual size (1,024 processors) is too small on larger hosts.
  for (std::size_t bits = CPU_SETSIZE; processors.empty() && bits <= std::size_t{1} << 20; bits *= 2) {
    cpu_set_t* const mask = CPU_ALLOC(bits);
    if (!mask) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(bits);
    const bool read = sched_getaffinity(0, bytes, mask) == 0;
    const bool too_small = !read && errno == EINVAL;
    for (std::size_t cpu = 0; read && cpu < bits; ++cpu)
      if (CPU_ISSET_S(cpu, bytes, mask)) processors.push_back(static_cast<int>(cpu));
    CPU_FREE(mask);
    if (!too_small) break;
  }
  return processors.empty() ? std::vector<int>{0} : processors;
}

double quota_cores(const fs::path& groups, const fs::path& root) {
  double smallest = 0;
  std::ifstream lines(groups);
  for (std::string line; std::getline(lines, line);) {  // number:controller,controller:/group; v2 names no controller
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",",
                      group = line.substr(second + 1);
    double quota = 0;
    if (controllers == ",,") quota = smallest_quota(root, group, quota_v2);
    else if (controllers.find(",cpu,") != std::string::npos) quota = smallest_quota(root / "cpu", group, quota_v1);
    if (quota > 0 && (smallest == 0 || quota < smallest)) smallest = quota;
  }
  return smallest;
}

int available_cores() {
  int cores = static_cast<int>(allowed_processors().size());
  if (const double quota = quota_cores("/proc/self/cgroup", "/sys/fs/cgroup"); quota > 0)
    cores = std::min(cores, static_cast<int>(std::ceil(quota)));
  return std::max(cores, 1);
}

}  // namespace mvmoe
