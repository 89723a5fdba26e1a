// tools/mvmoe/main.cpp: finds the subcommand, and turns an error into one line and an exit code.
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/nearest.h"
#include "tools/mvmoe/commands.h"

namespace mvmoe {
namespace {

struct Command {
  const char* name;
  int (*run)(const Words&);
  const char* help;
};

constexpr std::array commands{
    Command{"train", train_command, "train a model, or go on where a run was stopped"},
    Command{"evaluate", evaluate_command, "accuracy and loss of trained weights on a data set"},
    Command{"confusion", confusion_command, "which classes trained weights take for which, on the held-out part"},
    Command{"superclasses", superclasses_command, "divide the classes into super-classes, one for each expert"},
    Command{"pipeline", pipeline_command, "the whole method: dense baseline, confusion, super-classes, sparse network, comparison"},
    Command{"predict", predict_command, "the classes of images, with the experts that saw them"},
    Command{"summary", summary_command, "parameters, multiply-adds and memory of a model, without training it"},
    Command{"gradcheck", gradcheck_command, "check every op's backward against a double-precision reference"},
    Command{"pack", pack_command, "turn a folder of images into one file that is read fast"},
    Command{"augment-preview", augment_preview_command, "a picture of a batch as the network is trained on it"},
    Command{"bench", bench_command, "measure training steps, inference or the loader on this machine"},
    Command{"report", report_command, "one HTML page about a pipeline, or about one or more trainings"},
    Command{"info", info_command, "this machine and this build, or what a weights file or checkpoint holds"},
};

void print_commands() {
  std::printf("mvmoe: trains vision transformers on multicore CPUs\n\nusage: mvmoe COMMAND [flags]     (mvmoe COMMAND --help lists a command's flags)\n\n");
  for (const Command& command : commands) std::printf("  %-15s  %s\n", command.name, command.help);
  std::printf("\nTo begin with, nothing to download: mvmoe train --data glyphs --model vit-4x64 --patch 8 --epochs 3 --out runs/first\n");
}

int dispatch(const Words& words) {
  if (words.size() == 2 && words[0] == "help") return dispatch({words[1], "--help"});
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_commands();
    return 0;
  }
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (words[0] == command.name) return command.run({words.begin() + 1, words.end()});
    names.push_back(command.name);
  }
  const std::string near = nearest(words[0], names);
  fail_usage("'", printable(words[0]), "' is no command", near.empty() ? "" : ": did you mean " + near + "?", " (mvmoe --help lists all)");
}

}  // namespace
}  // namespace mvmoe

int main(int argc, char** argv) {
  try {
    const int code = mvmoe::dispatch({argv + 1, argv + argc});
    if (code == 0 && (std::fflush(stdout) != 0 || std::ferror(stdout))) mvmoe::fail("the results could not be written to stdout: ", std::strerror(errno));
    return code;
  } catch (const mvmoe::UsageError& e) {
    std::fprintf(stderr, "mvmoe: %s\n", e.what());
    return 2;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "mvmoe: out of memory\n");
    return 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "mvmoe: %s\n", mvmoe::printable(e.what()).c_str());
    return 1;
  }
}
