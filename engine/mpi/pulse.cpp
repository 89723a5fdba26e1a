#include "engine/mpi/pulse.h"

#include <cerrno>
#include <chrono>
#include <csignal>

#include "engine/error.h"

namespace mvmoe {
namespace {

using namespace std::chrono_literals;
constexpr char alive = 1, goodbye = 2;
constexpr int patience_at_the_end = 10;  // seconds

}  // namespace

Pulse::Pulse(MPI_Comm comm, std::mutex& mpi, int next, Neighbour before, std::function<void(const std::string&)> lost)
    : comm_(comm), mpi_(mpi), next_(next), before_(std::move(before)), lost_(std::move(lost)) {
  thread_ = std::thread([this] { beat(); });
}

Pulse::~Pulse() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

// Sends only if the last word has left: one word is under way at a time.
void Pulse::send(char word) {
  const std::lock_guard lock(mpi_);
  int left = 1;
  MPI_Test(&sending_, &left, MPI_STATUS_IGNORE);
  if (!left) return;
  sent_ = word;
  MPI_Isend(&sent_, 1, MPI_CHAR, next_, 0, comm_, &sending_);
}

bool Pulse::listen() {
  const std::lock_guard lock(mpi_);
  while (!gone_) {
    if (listening_ == MPI_REQUEST_NULL) MPI_Irecv(&heard_, 1, MPI_CHAR, before_.rank, 0, comm_, &listening_);
    int heard = 0;
    MPI_Test(&listening_, &heard, MPI_STATUS_IGNORE);
    if (!heard) break;
    silent_ = 0;
    gone_ = heard_ == goodbye;
  }
  return gone_;
}

std::string Pulse::silence() const {
  if (gone_) return {};
  if (before_.process > 0 && silent_ > 2 && kill(before_.process, 0) != 0 && errno == ESRCH)
    return before_.name + " is gone: it was killed, or has crashed";
  if (silent_ > timeout_)
    return text(before_.name, " was not heard of for ", silent_,
                " s (--comm-timeout): its host is cut off, or has stopped");
  return {};
}

void Pulse::beat() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    send(alive);
    listen();
    if (const std::string line = silence(); !line.empty()) lost_(line);
    lock.lock();
    changed_.wait_for(lock, 1s, [&] { return stop_; });
    ++silent_;
  }
  lock.unlock();
  // A rank leaves only after its goodbye was received. Otherwise the next rank would report it as lost.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(patience_at_the_end);
  bool said = false, sent = false;
  while (!(listen() && sent) && std::chrono::steady_clock::now() < end) {
    if (!said) {
      send(goodbye);
      said = sent_ == goodbye;
    } else {
      const std::lock_guard mpi(mpi_);
      int left = 0;
      MPI_Test(&sending_, &left, MPI_STATUS_IGNORE);
      sent = left != 0;
    }
    std::this_thread::sleep_for(1ms);
  }
}

}  // namespace mvmoe
