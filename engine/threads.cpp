#include "engine/threads.h"

#include <system_error>
#include <utility>

#include "engine/error.h"

namespace mvmoe {
Threads::Threads(int count) {
  try {
    for (int t = 1; t < count; ++t) workers_.emplace_back([this, t] { work(t); });
  } catch (const std::system_error& e) {
    const std::size_t started = workers_.size() + 1;
    end();
    fail("threads: the system gives ", started, " of ", count, " threads (", e.code().message(), "): a smaller --threads will do");
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

void Threads::call_body(int thread) {
  try {
    call_(body_, thread);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }
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
  call_body(0);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return running_ == 0; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Threads::work(int thread) {
  std::uint64_t done = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || round_ != done; });
    if (stop_) return;
    done = round_;
    lock.unlock();
    call_body(thread);
    lock.lock();
    if (--running_ == 0) changed_.notify_all();
  }
}

}  // namespace mvmoe
