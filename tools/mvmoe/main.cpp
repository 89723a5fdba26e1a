// tools/mvmoe/main.cpp: finds the subcommand, and turns an error into one line and an exit code.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <optional>
#include <variant>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/nearest.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/ranks.h"

namespace mvmoe {
namespace {

using InOne = int (*)(const Words&);
using InRanks = int (*)(const Words&,
                        Comm&);  // in all processes that a launcher started; of the others, rank 0 runs alone

struct Command {
  const char* name;
  std::variant<InOne, InRanks> run;
  const char* help;
};

constexpr std::array commands{
    Command{"train", train_command, "train a model, or go on where a run was stopped"},
    Command{"evaluate", evaluate_command, "accuracy and loss of trained weights on a data set"},
    Command{"confusion", confusion_command, "which classes trained weights take for which, on the held-out part"},
    Command{"superclasses", superclasses_command, "divide the classes into super-classes, one for each expert"},
    Command{"pipeline", pipeline_command,
            "the whole method: dense baseline, confusion, super-classes, sparse network, comparison"},
    Command{"study", study_command, "many runs, one answer: a file's variants and seeds, with means and errors"},
    Command{"predict", predict_command, "the classes of images, with the experts that saw them"},
    Command{"summary", summary_command, "parameters, multiply-adds and memory of a model, without training it"},
    Command{"gradcheck", gradcheck_command, "check every op's backward against a double-precision reference"},
    Command{"pack", pack_command, "turn a folder of images into one file that is read fast"},
    Command{"sample", sample_command, "some images of a data set as PNG files, and as one picture with a row a class"},
    Command{"augment-preview", augment_preview_command, "a picture of a batch as the network is trained on it"},
    Command{"bench", bench_command, "measure training steps, inference or the loader on this machine"},
    Command{"report", report_command, "one HTML page about a pipeline, or about one or more trainings"},
    Command{"info", info_command, "this machine and this build, or what a weights file or checkpoint holds"},
};

void print_commands() {
  std::printf(
      "mvmoe: trains vision transformers on multicore CPUs\n\nusage: mvmoe COMMAND [flags]     (mvmoe COMMAND --help "
      "lists a command's flags)\n\n");
  for (const Command& command : commands) std::printf("  %-15s  %s\n", command.name, command.help);
  std::printf(
      "\nTo begin with, nothing to download: mvmoe train --data glyphs --model vit-4x64 --patch 8 --epochs 3 --out "
      "runs/first\n");
}

const Command* find(const std::string& name) {
  const auto found =
      std::find_if(commands.begin(), commands.end(), [&](const Command& command) { return name == command.name; });
  return found == commands.end() ? nullptr : &*found;
}

bool runs_in_ranks(const Words& words) {
  const Command* const command = words.empty() ? nullptr : find(words[0]);
  return command && std::holds_alternative<InRanks>(command->run);
}

int dispatch(const Words& words, Comm& comm) {
  if (words.size() == 2 && words[0] == "help") return dispatch({words[1], "--help"}, comm);
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_commands();
    return 0;
  }
  if (const Command* const command = find(words[0])) {
    const Words behind(words.begin() + 1, words.end());
    if (const auto* in_ranks = std::get_if<InRanks>(&command->run)) return (*in_ranks)(behind, comm);
    return std::get<InOne>(command->run)(behind);
  }
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.name);
  const std::string near = nearest(words[0], names);
  fail_usage("'", printable(words[0]), "' is no command", near.empty() ? "" : ": did you mean " + near + "?",
             " (mvmoe --help lists all)");
}

int run_program(const Words& words) {
  std::optional<Comm> comm;
  const Outcome joined = outcome_of([&] {
    comm.emplace(Comm::join([](const std::string& line) {
      std::fprintf(stderr, "mvmoe: %s; all ranks end (train --resume goes on from the last checkpoint)\n",
                   line.c_str());
    }));
    return 0;
  });
  if (!comm) {
    std::fprintf(stderr, "mvmoe: %s\n", joined.error.c_str());
    return joined.code;
  }
  const bool in_ranks = runs_in_ranks(words);
  const Outcome outcome = outcome_of([&] {
    if (!comm->first() && !std::freopen("/dev/null", "w", stdout))
      fail("/dev/null: ", std::strerror(errno));  // rank 0 prints
    meet(*comm, words);
    const int code = comm->first() || in_ranks ? dispatch(words, *comm) : 0;
    if (code == 0 && (std::fflush(stdout) != 0 || std::ferror(stdout)))
      fail("the results could not be written to stdout: ", std::strerror(errno));
    return code;
  });
  stop_answering();
  return end_together(*comm, outcome, in_ranks);
}

}  // namespace
}  // namespace mvmoe

int main(int argc, char** argv) {
  // A file that grows beyond the limit (ulimit -f) is an error that names the file, as a full disk is, and not the end.
  std::signal(SIGXFSZ, SIG_IGN);
  return mvmoe::run_program({argv + 1, argv + argc});
}
