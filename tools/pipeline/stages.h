// tools/pipeline/stages.h: stages in one folder, each run again exactly when what it reads has changed.
//
// stages.json remembers a checksum of every file that a stage read. A user may edit a file between two stages (the
// super-classes): the stage that made it is not repeated, those that read it are, and what they had made moves aside
// into a folder earlier-N.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace mvmoe {

struct Stage {
  std::string name;                            // one word, the key in stages.json
  std::string what;                            // for the plan, in words
  std::vector<std::filesystem::path> inputs;   // files, relative to the folder
  std::vector<std::filesystem::path> outputs;  // files or folders that it makes
  std::function<int()> run;                    // an exit code: 0: done. Called again where it was stopped, it goes on
};

class Stages {
 public:
  // Throws Error that names stages.json if it is there and damaged.
  Stages(std::filesystem::path folder, std::vector<Stage> stages);

  // The plan: a line a stage, with what is done already.
  std::string plan() const;

  // Runs what is not done, in order; `begins(number, stage)` before each. The first exit code that is not 0, or 0.
  int run(const std::function<void(int number, const Stage& stage)>& begins);

 private:
  bool is_done(const Stage& stage) const;
  void move_aside(const Stage& stage) const;
  void remember(const Stage& stage, bool done);

  std::filesystem::path folder_;
  std::vector<Stage> stages_;
  struct Memory {
    std::string name;
    std::vector<std::string> read;  // "FILE CRC" of each input
    bool done = false;
  };
  std::vector<Memory> memory_;
  const Memory* memory_of(const Stage& stage) const;
  std::vector<std::string> reads_now(const Stage& stage) const;
};

}  // namespace mvmoe
