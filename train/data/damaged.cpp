#include "train/data/damaged.h"

#include "engine/error.h"
#include "engine/random.h"

namespace mvmoe {

void DamagedImages::add(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (known_.insert(what).second) unsaid_.push_back(what);
}

std::vector<std::string> DamagedImages::news(const char* consequence) {
  constexpr int most_names = 10;
  const std::lock_guard lock(mutex_);
  std::vector<std::string> lines;
  for (const std::string& what : unsaid_)
    if (said_ < most_names) lines.push_back(what + ": " + consequence), ++said_;
  if (unsaid_.size() > lines.size()) lines.push_back(text(known_.size(), " images cannot be read so far: ", consequence));
  unsaid_.clear();
  return lines;
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
  const int label = set.labels[static_cast<std::size_t>(index)];
  std::vector<int> others;  // of its class
  for (int i = 0; i < set.size(); ++i)
    if (i != index && set.labels[static_cast<std::size_t>(i)] == label) others.push_back(i);
  const std::size_t first = others.empty() ? 0 : Random(seed, Place::stand_in, 0, static_cast<std::uint64_t>(index)).below(static_cast<std::uint32_t>(others.size()));
  for (std::size_t i = 0; i < others.size(); ++i) {
    try {
      return set.read(others[(first + i) % others.size()]);
    } catch (const Error& e) {
      set.damaged->add(e.what());
    }
  }
  fail(what, ", and its class has no other image that can be read");
}

}  // namespace mvmoe
