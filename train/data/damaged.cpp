#include "train/data/damaged.h"

#include <utility>

#include "engine/error.h"
#include "engine/random.h"

namespace mvmoe {

void DamagedImages::add(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (!known_.insert(what).second) return;
  unsaid_.push_back(what);
  unshared_.push_back(what);
}

void DamagedImages::share(Comm& comm) {
  if (comm.ranks() == 1) return;
  std::string own;
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& what : unshared_) own += what + '\n';  // a newline can separate them: an error is one line
    unshared_.clear();
  }
  for (const std::string& lines : comm.gather(own))
    for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1) {
      const std::string what = lines.substr(at, lines.find('\n', at) - at);
      const std::lock_guard lock(mutex_);
      if (known_.insert(what).second) unsaid_.push_back(what);
    }
}

std::vector<std::string> DamagedImages::news(const char* consequence) {
  constexpr int most_names = 10;
  const std::lock_guard lock(mutex_);
  std::vector<std::string> lines;
  for (const std::string& what : unsaid_)
    if (said_ < most_names) lines.push_back(what + ": " + consequence), ++said_;
  unsaid_.clear();
  return lines;
}

int DamagedImages::grown() {
  const std::lock_guard lock(mutex_);
  const int now = static_cast<int>(known_.size()), before = std::exchange(counted_, now);
  return now > before ? now : 0;
}

int DamagedImages::images() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(known_.size());
}

Image image_or_stand_in(const ImageSet& set, int index, std::uint64_t seed) {
  std::string what;
  try {
    return set.read(index);
  } catch (const UsageError&) {
    throw;
  } catch (const Error& e) {
    what = e.what();
  }
  if (set.damaged->strict()) fail(what, " (--strict)");
  set.damaged->add(what);
  // The images of a class stand together, so its class is begin .. end - 1.
  const auto same = [&](int other) {
    return set.labels[static_cast<std::size_t>(other)] == set.labels[static_cast<std::size_t>(index)];
  };
  int begin = index, end = index + 1;
  while (begin > 0 && same(begin - 1)) --begin;
  while (end < set.size() && same(end)) ++end;
  const int others = end - begin - 1;
  Random random(seed, Place::stand_in, 0, static_cast<std::uint64_t>(index));
  const int first = others == 0 ? 0 : static_cast<int>(random.below(static_cast<std::uint32_t>(others)));
  for (int i = 0; i < others; ++i) {
    const int other = begin + (first + i) % others;
    try {
      return set.read(other < index ? other : other + 1);
    } catch (const Error& e) {
      set.damaged->add(e.what());
    }
  }
  fail(what, ", and its class has no other image that can be read");
}

}  // namespace mvmoe
