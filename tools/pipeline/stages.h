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
  std::vector<std::filesystem::path> inputs;   // files, relative to the folder; an absolute one is the user's own
  std::vector<std::filesystem::path> outputs;  // files or folders that it makes: what moves aside where it begins anew
  std::vector<std::filesystem::path> results;  // files among them that must be there when it is done
  std::function<void()> check;  // throws if the inputs are not what they should be: before anything moves
  std::function<int()> run;     // an exit code: 0: done. Called again with the same inputs, it goes on
};

class Stages {
 public:
  // Throws Error that names stages.json if it is there and damaged.
  Stages(std::filesystem::path folder, std::vector<Stage> stages);

  // The plan: a line a stage, with what is done already.
  std::string plan() const;

  // Runs the check of the first stage that is not done, and changes nothing: for a caller that writes, too.
  void check_next() const;

  // Runs what is not done, in order; `begins(number, stage)` before each, `stopped()` after each. The first exit code
  // of a stage or of `stopped` that is not 0, or 0.
  int run(const std::function<void(int number, const Stage& stage)>& begins, const std::function<int()>& stopped);

 private:
  bool is_done(const Stage& stage, const std::vector<std::string>& read) const;  // read: what is there to be read now
  void move_aside(const Stage& stage) const;
  void remember(const Stage& stage, const std::vector<std::string>& read, bool done);

  std::filesystem::path folder_;
  std::vector<Stage> stages_;
  struct Memory {
    std::string name;
    std::vector<std::string> read;  // "FILE CRC" of each input; "given CRC" of one of the user's own
    bool done = false;
  };
  std::vector<Memory> memory_;
  const Memory* memory_of(const Stage& stage) const;
  std::vector<std::string> reads_now(const Stage& stage) const;
};

}  // namespace mvmoe
