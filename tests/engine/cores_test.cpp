// How many cores may be used. Wrong but plausible: the quota of the outermost group alone, or of the process's own
// alone.
#include "engine/cores.h"

#include <sched.h>

#include <fstream>
#include <thread>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

TEST(Cores, FollowTheAffinityMask) {
  EXPECT_GE(available_cores(), 1);
  const std::vector<int> all = allowed_processors();
  EXPECT_LE(available_cores(), static_cast<int>(all.size()));
  int cores = 0;
  std::vector<int> allowed;
  std::thread limited([&] {  // the mask belongs to a thread: the test process keeps its own
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(all.back()), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    cores = available_cores();
    allowed = allowed_processors();
  });
  limited.join();
  EXPECT_EQ(cores, 1);
  EXPECT_EQ(allowed, std::vector<int>{all.back()});
}

// A tree of control groups as the kernel shows it, with a /proc/self/cgroup beside it.
struct Groups {
  TemporaryFolder folder;
  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((folder / file).parent_path());
    std::ofstream(folder / file) << text;
  }
  double quota(const std::string& groups) const {
    write("cgroup", groups);
    return quota_cores(folder / "cgroup", folder / "root");
  }
};

TEST(Cores, TheSmallestQuotaOfTheGroupsAroundCounts) {
  const Groups g;
  EXPECT_EQ(g.quota("0::/jobs/mine\n"), 0);
  g.write("root/cpu.max", "max 100000\n");
  g.write("root/jobs/cpu.max", "400000 100000\n");
  g.write("root/jobs/mine/cpu.max", "max 100000\n");
  EXPECT_EQ(g.quota("0::/jobs/mine\n"), 4);
  g.write("root/jobs/mine/cpu.max", "150000 50000\n");
  EXPECT_EQ(g.quota("0::/jobs/mine\n"), 3);
  g.write("root/jobs/mine/cpu.max", "900000 100000\n");
  EXPECT_EQ(g.quota("0::/jobs/mine\n"), 4);
  EXPECT_EQ(g.quota("0::/\n"), 0);
  EXPECT_EQ(g.quota("0::/jobs/seen/from/outside\n"), 4);
}

TEST(Cores, TheOldFormOfQuotasCountsToo) {
  const Groups g;
  g.write("root/cpu/cpu.cfs_quota_us", "-1\n");
  g.write("root/cpu/cpu.cfs_period_us", "100000\n");
  g.write("root/cpu/slurm/cpu.cfs_quota_us", "250000\n");
  g.write("root/cpu/slurm/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(g.quota("11:memory:/slurm\n4:cpu,cpuacct:/slurm/job\n0::/\n"), 2.5);
  EXPECT_EQ(g.quota("4:cpuacct,cpu:/slurm\n"), 2.5);
  EXPECT_EQ(g.quota("4:cpuacct:/slurm\n3:cpuset:/slurm\nnonsense\n"), 0);
  EXPECT_EQ(g.quota("4:cpu:/\n"), 0);
}

}  // namespace
}  // namespace mvmoe
