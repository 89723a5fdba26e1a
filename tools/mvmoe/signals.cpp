#include <csignal>
#include <cstdlib>
#include <unistd.h>

#include "tools/mvmoe/commands.h"

namespace mvmoe {
namespace {

// A signal handler can reach nothing but a global; it stays in this file.
std::atomic<int> received{0};

void on_signal(int signal) {
  if (signal == SIGINT && received.exchange(signal) == SIGINT) _exit(130);
  received.store(signal);
}

}  // namespace

const std::atomic<int>& stop_signal() { return received; }

void listen_for_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGHUP}) sigaction(signal, &action, nullptr);
}

}  // namespace mvmoe
