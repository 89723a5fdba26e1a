#include "train/experts/exchange.h"

#include <numeric>

#include "engine/error.h"

namespace mvmoe {
namespace {

enum Note { count, more, stop, notes };  // what a rank sends to each other rank before its records
constexpr int most_records = 1 << 24;    // to one rank: a count is sent as a float, which is exact up to 2^24

}  // namespace

float* Exchange::room(Block& memory, std::size_t floats) {
  if (memory.size() < floats) memory = Block(floats + floats / 4);
  return memory.data();
}

void Exchange::sort(int ranks, const std::vector<int>& to) {
  counts_.assign(static_cast<std::size_t>(ranks), 0);
  for (const int rank : to) ++counts_[static_cast<std::size_t>(rank)];
  for (const int records : counts_)
    if (records > most_records)
      fail("--expert-parallel: ", records, " records would travel to one rank at once, and ", most_records,
           " can: a larger --accumulate makes them fewer");
  sent_.resize(to.size());
  place_.resize(to.size());
  int next = 0;
  for (int rank = 0; rank < ranks; ++rank)
    for (std::size_t i = 0; i < to.size(); ++i)
      if (to[i] == rank) {
        sent_[static_cast<std::size_t>(next)] = static_cast<int>(i);
        place_[i] = next++;
      }
}

bool Exchange::send(Comm& comm, std::size_t record, bool has_more, bool wants_stop) {
  const std::size_t ranks = counts_.size();
  notes_.resize(ranks * notes);
  their_notes_.resize(ranks * notes);
  ones_.assign(ranks, 1);
  for (std::size_t r = 0; r < ranks; ++r) {
    notes_[r * notes + count] = static_cast<float>(counts_[r]);
    notes_[r * notes + more] = has_more;
    notes_[r * notes + stop] = wants_stop;
  }
  comm.exchange(notes_, ones_, their_notes_, ones_, notes);
  arriving_.resize(ranks);
  bool any_more = false, any_stop = false;
  for (std::size_t r = 0; r < ranks; ++r) {
    arriving_[r] = static_cast<int>(their_notes_[r * notes + count]);
    any_more |= their_notes_[r * notes + more] > 0;
    any_stop |= their_notes_[r * notes + stop] > 0;
  }
  arrived_ = std::accumulate(arriving_.begin(), arriving_.end(), 0);
  travel(comm, record);
  return any_more && !any_stop;
}

void Exchange::travel(Comm& comm, std::size_t record) {
  record_ = record;
  const std::size_t out = sent_.size() * record, in = static_cast<std::size_t>(arrived_) * record;
  room(in_, in);
  comm.exchange({out_.data(), out}, counts_, {in_.data(), in}, arriving_, record);
}

void Exchange::begin_answers(std::size_t floats) {
  answer_ = floats;
  room(out_, static_cast<std::size_t>(arrived_) * floats);
}

void Exchange::come_back(Comm& comm) {
  const std::size_t out = static_cast<std::size_t>(arrived_) * answer_, in = sent_.size() * answer_;
  room(in_, in);
  comm.exchange({out_.data(), out}, arriving_, {in_.data(), in}, counts_, answer_);
}

}  // namespace mvmoe
