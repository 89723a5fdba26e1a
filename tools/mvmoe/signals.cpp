// tools/mvmoe/signals.cpp: a run that is asked to stop saves first.
//
// No signal handler runs anywhere: oneDNN 2.6's AVX2 kernels use the stack pointer as an ordinary register, and a
// handler's frame would be written wherever it points (seen: a corrupted heap). The signals are blocked in every
// thread, and one thread of its own takes them by sigwait.
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "tools/mvmoe/commands.h"

namespace mvmoe {
namespace {

std::atomic<int> received{0};

void say_stopping() {
  const char* const over_the_bar = isatty(STDERR_FILENO) ? "\r\x1b[2K" : "";
  std::fprintf(stderr, "%smvmoe: stopping after this step; Ctrl-C again stops at once\n", over_the_bar);
}

}  // namespace

const std::atomic<int>& stop_signal() { return received; }

void listen_for_stop_signals() {
  // A reader that went away (| tee, | head) must not kill a run before it has saved; writing then fails, no more.
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t waited;
  sigemptyset(&waited);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGHUP}) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    if (signal == SIGHUP && action.sa_handler == SIG_IGN) continue;  // nohup: the run outlives its terminal
    action.sa_handler = SIG_DFL;  // an ignored signal would never arrive: scripts start background jobs so
    sigaction(signal, &action, nullptr);
    sigaddset(&waited, signal);
  }
  pthread_sigmask(SIG_BLOCK, &waited, nullptr);  // threads started from here on inherit it
  std::thread([waited] {
    for (int signal = 0; sigwait(&waited, &signal) == 0;) {
      const int before = received.exchange(signal);
      if (before == SIGINT && signal == SIGINT) _exit(130);  // the second Ctrl-C
      if (before == 0) say_stopping();
    }
  }).detach();
}

}  // namespace mvmoe
