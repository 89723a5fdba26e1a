// train/step/stop.h: a signal may reach one rank only; all ranks stop after the same step.
#pragma once
#include "engine/comm.h"

namespace mvmoe {

// What a rank adds to a sum over the ranks. `signal`: the number of the signal that it got; 0: none.
struct StopVotes {
  double any = 0, interrupts = 0;
};
StopVotes votes_for(int signal);

// The signal for which all ranks stop, from the sum of the votes: SIGINT (Ctrl-C) if every rank with a signal has
// SIGINT, else SIGTERM; 0 if no rank has a signal.
int elected(StopVotes votes);

// Both in one: sums the votes and returns the signal for which all ranks stop. With one rank it is that rank's own
// signal. Collective: every rank must call it.
int agree_on_stop(Comm& comm, int signal);

}  // namespace mvmoe
