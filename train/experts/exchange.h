// train/experts/exchange.h: sends records to other ranks, and brings the answers back.
#pragma once
#include <vector>

#include "engine/comm.h"
#include "engine/parameter.h"
#include "engine/threads.h"

namespace mvmoe {

// The order of the calls: go; record(i) for each i < arrived(); begin_answers; answer(i) for each of them; come_back;
// answer_to(i) for each record that was sent. Buffers keep their memory, so after the first steps nothing is allocated.
class Exchange {
 public:
  // Sends record i to rank to[i]. fill(i, floats) writes its `record` floats, on any thread. `more`: this rank has more
  // to send in another call. `stop`: this rank asks all to stop. Returns true if any rank has more and none asks to
  // stop. Collective: every rank must call it.
  template <class Fill>
  bool go(Comm& comm, Threads& threads, const std::vector<int>& to, std::size_t record, const Fill& fill,
          bool more = false, bool stop = false) {
    sort(comm.ranks(), to);
    float* out = room(out_, to.size() * record);
    threads.each(to.size(), [&](std::size_t at) { fill(sent_[at], out + at * record); });
    return send(comm, record, more, stop);
  }

  // Sends new records to the same ranks as the last go(). They arrive in the same order. Collective: every rank must
  // call it.
  template <class Fill>
  void go_again(Comm& comm, Threads& threads, std::size_t record, const Fill& fill) {
    float* out = room(out_, sent_.size() * record);
    threads.each(sent_.size(), [&](std::size_t at) { fill(sent_[at], out + at * record); });
    travel(comm, record);
  }

  int arrived() const { return arrived_; }
  // The records that arrived, sorted by the rank that sent them, then in that rank's order.
  const float* record(int i) const { return in_.data() + static_cast<std::size_t>(i) * record_; }

  // Makes room for an answer of `floats` floats to each record that arrived.
  void begin_answers(std::size_t floats);
  // Room for the answer to record(i).
  float* answer(int i) { return out_.data() + static_cast<std::size_t>(i) * answer_; }
  // Sends each answer to the rank that its record came from. Collective: every rank must call it.
  void come_back(Comm& comm);
  // What another rank answered to record i, counted among the records that this rank sent.
  const float* answer_to(int i) const {
    return in_.data() + static_cast<std::size_t>(place_[static_cast<std::size_t>(i)]) * answer_;
  }

 private:
  void sort(int ranks, const std::vector<int>& to);
  bool send(Comm& comm, std::size_t record, bool more, bool stop);
  void travel(Comm& comm, std::size_t record);
  static float* room(Block& memory, std::size_t floats);

  std::vector<int> counts_, arriving_;  // [ranks] records sent to each rank; records that arrive from each rank
  std::vector<int> sent_;               // [records sent] the record at each place in the order of sending
  std::vector<int> place_;              // [records sent] the place of each record in that order
  Block out_, in_;
  std::vector<float> notes_, their_notes_;
  std::vector<int> ones_;
  std::size_t record_ = 0, answer_ = 0;
  int arrived_ = 0;
};

}  // namespace mvmoe
