// tools/mvmoe/ranks.h: a command in several processes: how they meet, where they stand, and how they end together.
#pragma once
#include <functional>
#include <string>
#include <utility>

#include "engine/comm.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/options.h"

namespace mvmoe {

// What a command came to in one process.
struct Outcome {
  int code = 0;
  std::string error = {};  // the line to print; empty: none
};

// Throws UsageError, on all ranks, if one is another build or was given other words. All ranks.
void meet(Comm& comm, const Words& words);

// What work came to that gives an exit code, or throws.
Outcome outcome_of(const std::function<int()>& work);

// What the ranks' outcomes come to, the same on all: the first error, with its rank's name where others had none. A
// rank that fails alone, while the others are at work, names itself and ends them. `all`: all ranks had work to do;
// else rank 0 alone. All ranks.
Outcome outcome_of_all(Comm& comm, const Outcome& outcome, bool all);

// The same at the end: rank 0 prints the line. Gives the exit code of all. All ranks.
int end_together(Comm& comm, const Outcome& outcome, bool all);

// Rank 0 goes through a list of work by itself; what all ranks do together, it tells the others.
class Together {
 public:
  using Work = std::function<int(const std::string& command, const Words& words)>;
  Together(Comm& comm, Work work) : comm_(comm), work_(std::move(work)) {}

  // On rank 0.
  int run(const std::string& command, const Words& words = {});
  // On rank 0, whatever became of its list. What fails in the middle of common work fails everywhere.
  void end();
  // On the others: does as told, to the end.
  void follow();

 private:
  Comm& comm_;
  Work work_;
  bool working_ = false;
};

// Where ranks of one host may use the same cores, --threads by default is a rank's part of them. Says on rank 0 where
// the ranks stand, and warns, also if quiet, where threads outnumber cores or a rank is bound to fewer than its part.
// All ranks.
void settle(Comm& comm, const RankOptions& options, ThreadOptions& threads, bool quiet);

// What gradients are rounded to on their way. Throws UsageError where there is no way, as one rank is alone.
void compress_sums(Comm& comm, const RankOptions& options);

// What rank 0 was given or found in a run's folder, all go by. All ranks.
void take_from_first(Comm& comm, Flags& flags, const std::vector<std::string>& names);

// Of a file that every rank reads, which `flag` names; nothing where none is named. Throws on all ranks, naming the
// rank, if one cannot read it or reads another. All ranks.
void require_same_file(Comm& comm, const char* flag, const std::string& file);

// load_dataset on every rank. Throws on all what one throws, and UsageError if one has read other images or labels. All
// ranks.
DataSet load_same_dataset(Comm& comm, const std::string& spec, bool strict, Wanted wanted = Wanted::all);

// say_damaged of what all ranks found, by rank 0. All ranks.
void say_damaged(Comm& comm, const ImageSet& set);

}  // namespace mvmoe
