#include "engine/threads.h"

#include <immintrin.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "engine/error.h"

namespace mvmoe {
namespace {

// How often a thread looks for the next call before it sleeps: about 50 microseconds in all. Two operations of an image
// are one or two microseconds apart; waking a sleeping thread takes 50 and more.
constexpr int looks = 1500;

// True if `ready` became true within that time.
template <class Ready>
bool look_for(const Ready& ready) {
  for (int i = 0; i < looks; ++i) {
    if (ready()) return true;
    _mm_pause();
  }
  return false;
}

int pieces_in(std::uint64_t open) { return static_cast<int>(open & 0xffffffffu); }

}  // namespace

Threads::Threads(int count) {
  try {
    for (int t = 1; t < count; ++t) workers_.emplace_back([this, t] { work(t); });
  } catch (const std::system_error& e) {
    const std::size_t started = workers_.size() + 1;
    end();
    fail("threads: the system gives ", started, " of ", count, " threads (", e.code().message(),
         "): a smaller --threads will do");
  }
}

Threads::~Threads() { end(); }

void Threads::end() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

template <class Function>
void Threads::guarded(const Function& function) {
  try {
    function();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }
}

void Threads::throw_failure() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Threads::run(Call call, const void* body) {
  {
    const std::lock_guard lock(mutex_);
    call_ = call;
    body_ = body;
    running_ = static_cast<int>(workers_.size());
    ++round_;
  }
  changed_.notify_all();
  guarded([&] { call(body, 0); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return running_ == 0; });
  throw_failure();
}

void Threads::share(CallPiece call, const void* body, int n) {
  if (n <= 0) return;
  call_piece_ = call;
  pieces_body_ = body;
  unfinished_.store(n, std::memory_order_relaxed);
  open_.store(((open_.load() >> 32) + 1) << 32 | static_cast<std::uint64_t>(n));
  // open_ is set before sleeping_ is read, and a worker raises sleeping_ before it reads open_: so none is missed.
  if (n > 1 && sleeping_.load() > 0) {
    { const std::lock_guard lock(mutex_); }
    changed_.notify_all();
  }
  take_pieces(0);
  const auto done = [&] { return unfinished_.load(std::memory_order_acquire) == 0; };
  while (!look_for(done)) std::this_thread::yield();
  throw_failure();
}

// Takes several pieces at once, because each time a cache line must move between cores. The fewer pieces are left, the
// fewer it takes, so that at the end no thread waits long for another.
void Threads::take_pieces(int thread) {
  std::uint64_t open = open_.load(std::memory_order_acquire);
  while (pieces_in(open) > 0) {
    const int take = std::max(1, pieces_in(open) / (2 * count()));
    if (!open_.compare_exchange_weak(open, open - static_cast<std::uint64_t>(take), std::memory_order_acq_rel))
      continue;
    const int end = pieces_in(open);
    guarded([&] {
      for (int piece = end - take; piece < end; ++piece) call_piece_(pieces_body_, piece, thread);
    });
    unfinished_.fetch_sub(take, std::memory_order_acq_rel);
    open = open_.load(std::memory_order_acquire);
  }
}

void Threads::work(int thread) {
  std::uint64_t done = 0;  // rounds of `run`
  std::unique_lock lock(mutex_);
  for (;;) {
    sleeping_.fetch_add(1);
    changed_.wait(lock, [&] { return stop_ || round_ != done || pieces_in(open_.load()) > 0; });
    sleeping_.fetch_sub(1);
    if (stop_) return;
    const bool has_round = round_ != done;
    done = round_;
    lock.unlock();
    if (has_round) guarded([&] { call_(body_, thread); });
    else do
        take_pieces(thread);
      while (look_for([&] { return pieces_in(open_.load(std::memory_order_acquire)) > 0; }));
    lock.lock();
    if (has_round && --running_ == 0) changed_.notify_all();
  }
}

}  // namespace mvmoe
