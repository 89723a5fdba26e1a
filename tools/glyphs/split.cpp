// Which fonts are for training and which for the test, and which images stay.
#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "glyphs.h"

namespace glyphs {
namespace {

constexpr double kTestShare = 0.20;
// A group with more than this share of the fonts goes to train: the test
// should show many typefaces, not one large one in all its weights.
constexpr double kLargestTestGroup = 0.025;

// FNV-1a: a fixed hash, so that the split is the same on every machine.
std::uint64_t hash(const std::string& text) {
  std::uint64_t h = 14695981039346656037ull;
  for (unsigned char c : text) h = (h ^ c) * 1099511628211ull;
  // The last bytes of FNV-1a reach the high bits badly: mix once more.
  h ^= h >> 29;
  h *= 0xbf58476d1ce4e5b9ull;
  return h ^ (h >> 32);
}

}  // namespace

void split_by_group(std::vector<Font>& fonts) {
  std::map<std::string, int> size;
  for (const Font& font : fonts) ++size[font.group];
  std::vector<std::pair<std::uint64_t, std::string>> order;
  for (const auto& [group, count] : size)
    if (count <= kLargestTestGroup * static_cast<double>(fonts.size())) order.push_back({hash(group), group});
  std::sort(order.begin(), order.end());

  const int wanted = static_cast<int>(kTestShare * fonts.size() + 0.5);
  int taken = 0;
  std::set<std::string> test;
  for (const auto& [key, group] : order) {
    if (taken + size[group] > wanted) continue;
    taken += size[group];
    test.insert(group);
  }
  for (Font& font : fonts) font.test = test.count(font.group) != 0;
}

void drop_duplicates(std::vector<Font>& fonts) {
  for (int c = 0; c < kClasses; ++c) {
    std::set<Image> seen[2];
    for (Font& font : fonts)
      if (!seen[font.test].insert(font.images[c]).second) font.kept[c] = false;
  }
}

void balance(std::vector<Font>& fonts) {
  for (bool test : {false, true}) {
    std::array<int, kClasses> count{};
    for (const Font& font : fonts)
      for (int c = 0; c < kClasses; ++c) count[c] += font.test == test && font.kept[c];
    const int fewest = *std::min_element(count.begin(), count.end());
    if (fewest == 0) throw std::runtime_error("split: a side has no images");
    // Drop from fonts in hash order, another order for every class, so that
    // no font loses all its letters.
    for (int c = 0; c < kClasses; ++c) {
      std::vector<std::pair<std::uint64_t, Font*>> order;
      for (Font& font : fonts)
        if (font.test == test && font.kept[c]) order.push_back({hash(font.file + kLetters[c]), &font});
      std::sort(order.begin(), order.end());
      for (int extra = count[c] - fewest, i = 0; i < extra; ++i) order[i].second->kept[c] = false;
    }
  }
}

Side collect(const std::vector<Font>& fonts, bool test) {
  Side side;
  std::set<std::string> families;
  // Class by class: neighbours look alike, which deflate likes better than a
  // shuffled order. The trainer shuffles anyway.
  for (int c = 0; c < kClasses; ++c) {
    for (const Font& font : fonts) {
      if (font.test != test || !font.kept[c]) continue;
      side.images.push_back(font.images[c]);
      side.labels.push_back(static_cast<std::uint8_t>(c));
      families.insert(font.family);
    }
  }
  side.families.assign(families.begin(), families.end());
  return side;
}

}  // namespace glyphs
