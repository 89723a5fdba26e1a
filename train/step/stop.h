// train/step/stop.h: a signal reaches one rank or all of them, and all stop after the same step.
#pragma once
#include "engine/comm.h"

namespace mvmoe {

// What a rank adds to a sum over the ranks, for the signal it has got (0: none).
struct StopVotes {
  double any = 0, interrupts = 0;
};
StopVotes votes_for(int signal);

// The signal that all go by: Ctrl-C's if every rank that has one has that, else SIGTERM; 0: none has one.
int elected(StopVotes votes);

// The same for ranks that have nothing else to sum. All ranks. One rank alone has its own signal's number.
int agree_on_stop(Comm& comm, int signal);

}  // namespace mvmoe
