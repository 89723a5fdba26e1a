// train/experts/exchange.h: records that travel to other ranks, and the answers that come back.
#pragma once
#include <vector>

#include "engine/comm.h"
#include "engine/parameter.h"
#include "engine/threads.h"

namespace mvmoe {

// Buffers keep their memory, so that a step allocates nothing once it is warm.
class Exchange {
 public:
  // Sends record i, of `record` floats that fill(i, floats) writes on some thread, to rank to[i]. Each rank says
  // whether it has more to send another time, or wants all to stop; given is whether somebody has, and nobody wants to.
  // All ranks.
  template <class Fill>
  bool go(Comm& comm, Threads& threads, const std::vector<int>& to, std::size_t record, const Fill& fill,
          bool more = false, bool stop = false) {
    sort(comm.ranks(), to);
    float* out = room(out_, to.size() * record);
    threads.each(to.size(), [&](std::size_t at) { fill(sent_[at], out + at * record); });
    return send(comm, record, more, stop);
  }

  // The same on the same way once more: what arrives stands in the same order.
  template <class Fill>
  void go_again(Comm& comm, Threads& threads, std::size_t record, const Fill& fill) {
    float* out = room(out_, sent_.size() * record);
    threads.each(sent_.size(), [&](std::size_t at) { fill(sent_[at], out + at * record); });
    travel(comm, record);
  }

  int arrived() const { return arrived_; }
  const float* record(int i) const {
    return in_.data() + static_cast<std::size_t>(i) * record_;
  }  // by rank, then as it sent them

  // Sends the answers to what arrived back to where it came from. All ranks.
  float* answer(int i) {
    return out_.data() + static_cast<std::size_t>(i) * answer_;
  }  // to record(i), after begin_answers
  void begin_answers(std::size_t floats);
  void come_back(Comm& comm);
  const float* answer_to(int i) const {
    return in_.data() + static_cast<std::size_t>(place_[static_cast<std::size_t>(i)]) * answer_;
  }  // to record i that was sent

 private:
  void sort(int ranks, const std::vector<int>& to);
  bool send(Comm& comm, std::size_t record, bool more, bool stop);
  void travel(Comm& comm, std::size_t record);
  static float* room(Block& memory, std::size_t floats);

  std::vector<int> counts_, arriving_;  // [ranks] records that are sent to each, and that come from each
  std::vector<int> sent_, place_;       // [sent] in the order of sending: whose it is; and where that of each stands
  Block out_, in_;
  std::vector<float> notes_, their_notes_;
  std::vector<int> ones_;
  std::size_t record_ = 0, answer_ = 0;
  int arrived_ = 0;
};

}  // namespace mvmoe
