// train/evaluate/keep_on.h: asks between lanes whether to go on, one thread at a time.
#pragma once
#include <atomic>
#include <functional>
#include <mutex>

namespace mvmoe {

class KeepOn {
 public:
  // `ask` gets the number of images done so far and returns false to stop; empty: never stops.
  explicit KeepOn(const std::function<bool(int images)>& ask) : ask_(ask) {}

  bool operator()() {
    if (!ask_) return true;
    const std::lock_guard lock(asking_);
    return !stopped_ && !(stopped_ = !ask_(done_));
  }
  void add(int images) { done_ += images; }
  bool stopped() const { return stopped_; }

 private:
  const std::function<bool(int)>& ask_;
  std::mutex asking_;
  std::atomic<int> done_{0};
  bool stopped_ = false;
};

}  // namespace mvmoe
