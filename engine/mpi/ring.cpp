#include "engine/mpi/ring.h"

#include <algorithm>
#include <utility>

#include "engine/mpi/check.h"

namespace mvmoe {
namespace {

// Numbers in a piece (the last sum has smaller pieces): 60 KiB, so that latency is a small part of a round. Over TCP,
// Open MPI sends up to 64 KiB at once. For more it asks the receiver first, and the answer waits for the next
// proceed().
constexpr std::size_t piece_floats = 15 * 1024;

}  // namespace

RingSums::RingSums(MPI_Comm comm) : comm_(comm) {
  MPI_Comm_rank(comm, &rank_);
  MPI_Comm_size(comm, &ranks_);
  requests_.fill(MPI_REQUEST_NULL);
}

void RingSums::start(std::span<float> x) {
  const bool follows = x.data() + x.size() == gathered_.data();
  if (!follows && !gathered_.empty()) queue_.push_back(gathered_);
  gathered_ = {x.data(), x.size() + (follows ? gathered_.size() : 0)};
  const std::size_t enough = piece_floats * static_cast<std::size_t>(ranks_);
  for (; gathered_.size() >= enough; gathered_ = gathered_.first(gathered_.size() - enough))
    queue_.push_back(gathered_.last(enough));
  proceed();
}

void RingSums::end() {
  if (!gathered_.empty()) queue_.push_back(std::exchange(gathered_, {}));
  proceed();
}

bool RingSums::proceed() {
  for (;;) {
    while (begun_ < queue_.size() && begun_ < first_ + at_once) begin(begun_++ % at_once);
    std::array<int, 2 * at_once> completed;
    int n = 0;
    check_mpi(
        MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &n, completed.data(), MPI_STATUSES_IGNORE),
        "sum");
    for (int i = 0; i < n; ++i) {  // n is below 0 if no message is under way
      const auto slot = static_cast<std::size_t>(completed[static_cast<std::size_t>(i)]) / 2;
      if (--sums_[slot].under_way == 0) end_round(slot);
    }
    while (first_ < begun_ && sums_[first_ % at_once].under_way == 0) ++first_;
    if (n <= 0) break;
  }
  if (first_ < queue_.size()) return false;
  queue_.clear();
  first_ = begun_ = 0;
  return gathered_.empty();
}

std::size_t RingSums::take_summed() { return std::exchange(summed_, 0); }

std::span<float> RingSums::piece(const Sum& sum, int index) const {
  const std::size_t i = static_cast<std::size_t>((index + 2 * ranks_) % ranks_), n = static_cast<std::size_t>(ranks_);
  const std::size_t first = sum.x.size() * i / n;
  return sum.x.subspan(first, sum.x.size() * (i + 1) / n - first);
}

void RingSums::begin(std::size_t slot) {
  Sum& sum = sums_[slot];
  sum.x = queue_[begun_ - 1];
  sum.number = number_++ % 8192;  // far more sums than can be under way; MPI allows tags up to 32,767 at least
  sum.round = 0;
  const std::size_t largest = compressed_bytes(
      (sum.x.size() + static_cast<std::size_t>(ranks_) - 1) / static_cast<std::size_t>(ranks_), compression_);
  sum.in.resize(std::max(largest, sum.in.size()));
  sum.out.resize(std::max(largest, sum.out.size()));
  exchange(slot);
}

// While adding, round s sends piece rank - s, and receives and adds piece rank - s - 1. So after N - 1 rounds a rank
// has the complete piece rank + 1. While copying, round s sends piece rank + 1 - s and receives piece rank - s.
void RingSums::exchange(std::size_t slot) {
  Sum& sum = sums_[slot];
  const bool adding = sum.round < ranks_ - 1, packed = compression_ != Compression::none;
  const int s = adding ? sum.round : sum.round - (ranks_ - 1);
  const std::span<float> sent = piece(sum, adding ? rank_ - s : rank_ + 1 - s),
                         received = piece(sum, adding ? rank_ - s - 1 : rank_ - s);
  if (packed && (adding || s == 0)) {
    compress(sent, compression_, sum.out.data());
    if (!adding) decompress(sum.out.data(), compression_, sent);  // keeps the rounded numbers, as the others will
  }
  const void* from = packed ? static_cast<const void*>(sum.out.data()) : sent.data();
  void* to = packed || adding ? static_cast<void*>(sum.in.data()) : received.data();
  const int bytes_out = static_cast<int>(compressed_bytes(sent.size(), compression_)),
            bytes_in = static_cast<int>(compressed_bytes(received.size(), compression_));
  sum.under_way = 2;
  check_mpi(MPI_Irecv(to, bytes_in, MPI_BYTE, (rank_ + ranks_ - 1) % ranks_, sum.number, comm_, &requests_[2 * slot]),
            "sum");
  check_mpi(MPI_Isend(from, bytes_out, MPI_BYTE, (rank_ + 1) % ranks_, sum.number, comm_, &requests_[2 * slot + 1]),
            "sum");
}

void RingSums::end_round(std::size_t slot) {
  Sum& sum = sums_[slot];
  const bool adding = sum.round < ranks_ - 1, packed = compression_ != Compression::none;
  if (adding) {
    const std::span<float> own = piece(sum, rank_ - sum.round - 1);
    float* to = own.data();
    const auto* from = reinterpret_cast<const float*>(sum.in.data());
    if (packed) add_compressed(sum.in.data(), compression_, own);
    else
      for (std::size_t i = 0; i < own.size(); ++i) to[i] += from[i];
  } else if (packed) {
    decompress(sum.in.data(), compression_, piece(sum, rank_ - (sum.round - (ranks_ - 1))));
    std::swap(sum.in, sum.out);  // the next round sends the same bytes on
  }
  if (++sum.round < 2 * (ranks_ - 1)) exchange(slot);
  else summed_ += sum.x.size();
}

}  // namespace mvmoe
