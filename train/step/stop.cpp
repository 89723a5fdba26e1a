#include "train/step/stop.h"

#include <array>
#include <csignal>

namespace mvmoe {

StopVotes votes_for(int signal) { return {.any = signal != 0 ? 1.0 : 0.0, .interrupts = signal == SIGINT ? 1.0 : 0.0}; }

int elected(StopVotes votes) { return votes.any == 0 ? 0 : votes.interrupts == votes.any ? SIGINT : SIGTERM; }

int agree_on_stop(Comm& comm, int signal) {
  if (comm.ranks() == 1) return signal;
  const StopVotes own = votes_for(signal);
  std::array sums{own.any, own.interrupts};
  comm.sum(sums);
  return elected({.any = sums[0], .interrupts = sums[1]});
}

}  // namespace mvmoe
