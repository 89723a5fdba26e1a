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
#include <utility>

#include "tools/mvmoe/commands.h"

namespace mvmoe {
namespace {

std::atomic<int> received{0};
std::atomic<bool> answers{false};

// A line of its own, where the bar and the terminal's ^C stood.
void say(const char* text) { std::fprintf(stderr, "%smvmoe: %s\n", isatty(STDERR_FILENO) ? "\r\x1b[2K" : "", text); }

}  // namespace

const std::atomic<int>& stop_signal() { return received; }

int exit_code_of(int signal) { return signal == 0 ? 0 : signal == SIGINT ? 130 : 75; }

void stop_answering() { answers = false; }

void listen_for_stop_signals(bool answer) {
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
  answers = answer;
  static bool listening = false;  // a pipeline's stages and a study's runs call this again, in the same process
  if (std::exchange(listening, true)) return;
  pthread_sigmask(SIG_BLOCK, &waited, nullptr);  // threads started from here on inherit it
  std::thread([waited] {
    for (int signal = 0; sigwait(&waited, &signal) == 0;) {
      const int before = received.exchange(signal);
      if (before == SIGINT && signal == SIGINT) {
        if (answers) say("stopped at once: what was done since the last checkpoint is lost");
        _exit(130);
      }
      if (before == 0 && answers) say("stopping after this step; Ctrl-C again stops at once");
    }
  }).detach();
}

}  // namespace mvmoe
