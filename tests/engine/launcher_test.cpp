// engine/launcher.h. Wrong but plausible, and what shows it: a batch script's SLURM_NTASKS taken for a launcher (it is
// one process); a variable that is no number; the first variable that is there winning over the one that counts.
#include "engine/launcher.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <map>
#include <string>

namespace mvmoe {
namespace {

constexpr std::array variables{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE",     "SLURM_STEP_NUM_TASKS",
                               "SLURM_NTASKS",         "SLURM_JOB_ID", "SLURM_STEP_ID"};

class LauncherTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : variables) {
      if (const char* value = std::getenv(name)) before_[name] = value;
      unsetenv(name);
    }
  }
  void TearDown() override {
    for (const char* name : variables) unsetenv(name);
    for (const auto& [name, value] : before_) setenv(name.c_str(), value.c_str(), 1);
  }

 private:
  std::map<std::string, std::string> before_;
};

TEST_F(LauncherTest, WithoutVariablesThereIsNone) {
  EXPECT_EQ(launcher().tasks, 1);
  EXPECT_EQ(launcher().variable, "");
}

TEST_F(LauncherTest, MpirunsVariableCounts) {
  setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
  EXPECT_EQ(launcher().tasks, 3);
  EXPECT_EQ(launcher().variable, "OMPI_COMM_WORLD_SIZE");
}

TEST_F(LauncherTest, MpirunInsideASlurmJobCountsBeforeSlurm) {
  setenv("SLURM_JOB_ID", "17", 1);
  setenv("SLURM_STEP_ID", "0", 1);
  setenv("SLURM_STEP_NUM_TASKS", "2", 1);  // mpirun's daemons, one a host
  setenv("OMPI_COMM_WORLD_SIZE", "8", 1);
  EXPECT_EQ(launcher().tasks, 8);
}

TEST_F(LauncherTest, SrunsStepCounts) {
  setenv("SLURM_JOB_ID", "17", 1);
  setenv("SLURM_STEP_ID", "0", 1);
  setenv("SLURM_NTASKS", "8", 1);          // of the job
  setenv("SLURM_STEP_NUM_TASKS", "4", 1);  // of this step
  EXPECT_EQ(launcher().tasks, 4);
}

TEST_F(LauncherTest, ABatchScriptIsOneProcess) {
  setenv("SLURM_JOB_ID", "17", 1);
  setenv("SLURM_NTASKS", "8", 1);
  EXPECT_EQ(launcher().tasks, 1);
}

TEST_F(LauncherTest, WhatIsNoNumberIsNoLauncher) {
  setenv("PMI_SIZE", "many", 1);
  EXPECT_EQ(launcher().tasks, 1);
}

}  // namespace
}  // namespace mvmoe
