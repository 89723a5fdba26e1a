// tools/mvmoe/commands.h: the subcommands, one file each. A command gets the words behind its name and gives the exit
// code; errors are thrown.
#pragma once
#include <atomic>
#include <string>
#include <vector>

#include "engine/comm.h"
#include "train/run_folder.h"

namespace mvmoe {

using Words = std::vector<std::string>;

// The number of the signal that asked to stop (SIGINT, SIGTERM, SIGUSR1, SIGHUP), 0 until one did. A second Ctrl-C
// ends the process at once. `listen` comes before any other thread is started; of several ranks, one answers the user.
const std::atomic<int>& stop_signal();
void listen_for_stop_signals(bool answer = true);
void stop_answering();  // the work has ended: mpirun sends a signal to ranks that end a little later than another that
                        // failed
int exit_code_of(int signal);  // 0: none came; 130: Ctrl-C; 75: another one, run again

// These run in several ranks together, each with the same words.
int train_command(const Words& words, Comm& comm);
// The same as a part of something larger: a stop is not answered with advice. `held`: the lock of --out, where the
// caller has it already (on rank 0).
int run_training(const Words& words, Comm& comm, const FolderLock* held = nullptr);
int evaluate_command(const Words& words, Comm& comm);
int confusion_command(const Words& words, Comm& comm);
int pipeline_command(const Words& words, Comm& comm);
int run_pipeline(const Words& words, Comm& comm, const FolderLock* held);  // as run_training
int study_command(const Words& words, Comm& comm);
int bench_command(const Words& words, Comm& comm);

// These in one.
int superclasses_command(const Words& words);
int predict_command(const Words& words);
int summary_command(const Words& words);
int gradcheck_command(const Words& words);
int bench_loader_command(const Words& words);  // the words behind `bench loader`
int pack_command(const Words& words);
int sample_command(const Words& words);
int augment_preview_command(const Words& words);
int report_command(const Words& words);
int info_command(const Words& words);

}  // namespace mvmoe
