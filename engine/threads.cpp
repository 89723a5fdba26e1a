#include "engine/threads.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "engine/error.h"

namespace mvmoe {
namespace {

// Cores granted by a control group's quota, 0 where there is none.
double quota_cores() {
  std::string quota;
  double period = 0;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> quota >> period && quota != "max" && period > 0)
    return std::stod(quota) / period;
  double microseconds = 0;
  std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (v1_quota >> microseconds && v1_period >> period && microseconds > 0 && period > 0) return microseconds / period;
  return 0;
}

}  // namespace

int available_cores() {
  cpu_set_t mask;
  int cores = 1;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) cores = CPU_COUNT(&mask);
  if (const double quota = quota_cores(); quota > 0) cores = std::min(cores, static_cast<int>(std::ceil(quota)));
  return std::max(cores, 1);
}

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
