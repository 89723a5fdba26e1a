// Finds typefaces that are copies of each other.
//
// Free fonts are often redrawn or renamed: a copy of a train font in the test
// set would measure memory instead of reading. Two fonts are called clones
// when the images of many classes nearly agree, even after a shift by a pixel.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <numeric>
#include <set>

#include "glyphs.h"

namespace glyphs {
namespace {

// Two shapes are near when they differ by less than this share of their ink.
// A share, because thin letters have so little ink that any two would be near
// by a fixed number of grey levels.
constexpr double kNear = 0.15;
// Fonts that are near in two classes of five are clones.
constexpr int kNearClasses = 25;

double mean(int sum) { return sum * 17.0 / kPixels; }

Image shifted(const Image& from, int dx, int dy) {
  Image to{};
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const int sx = x - dx, sy = y - dy;
      if (sx >= 0 && sx < kSide && sy >= 0 && sy < kSide) to[y * kSide + x] = from[sy * kSide + sx];
    }
  }
  return to;
}

// The nine shifted copies of one font's images, made once and used often.
using Shifts = std::vector<std::array<Image, 9>>;

Shifts all_shifts(const std::vector<Image>& images) {
  Shifts out(images.size());
  for (std::size_t c = 0; c < out.size(); ++c)
    for (int s = 0; s < 9; ++s) out[c][s] = shifted(images[c], s % 3 - 1, s / 3 - 1);
  return out;
}

int nearest_of(const std::array<Image, 9>& shifts, const Image& image) {
  int best = distance(shifts[4], image);
  for (const Image& s : shifts) best = std::min(best, distance(s, image));
  return best;
}

std::vector<int> all_ink(const Font& font) {
  std::vector<int> ink;
  for (const Image& image : font.shapes) ink.push_back(std::accumulate(image.begin(), image.end(), 0));
  return ink;
}

// The shapes of one font, ready to be compared with many others.
struct Shapes {
  explicit Shapes(const Font& font) : shifts(all_shifts(font.shapes)), ink(all_ink(font)) {}
  Shifts shifts;
  std::vector<int> ink;
};

// In how many classes two fonts have near shapes.
int near_classes(const Shapes& a, const Font& b, const std::vector<int>& ink) {
  int near = 0;
  for (int c = 0; c < kClasses; ++c) {
    const double limit = kNear * (a.ink[c] + ink[c]) / 2;
    // Two images differ by at least the difference of their ink: this saves
    // most of the work.
    if (std::abs(a.ink[c] - ink[c]) >= limit) continue;
    near += nearest_of(a.shifts[c], b.shapes[c]) < limit;
  }
  return near;
}

}  // namespace

int distance(const Image& a, const Image& b) {
  int sum = 0;
  for (int i = 0; i < kPixels; ++i) sum += std::abs(a[i] - b[i]);
  return sum;
}

void join_clones(std::vector<Font>& fonts) {
  std::vector<std::vector<int>> ink;
  for (std::size_t i = 0; i < fonts.size(); ++i) {
    const Shapes shapes(fonts[i]);
    ink.push_back(shapes.ink);
    for (std::size_t j = 0; j < i; ++j) {
      if (fonts[i].group == fonts[j].group) continue;
      const int near = near_classes(shapes, fonts[j], ink[j]);
      if (near < kNearClasses) continue;
      // The alphabetically first name wins, so that the order of the table
      // does not matter.
      const std::string keep = std::min(fonts[i].group, fonts[j].group);
      const std::string gone = std::max(fonts[i].group, fonts[j].group);
      std::printf("clones: %s and %s agree in %d classes; group %s joins %s\n", fonts[i].name().c_str(),
                  fonts[j].name().c_str(), near, gone.c_str(), keep.c_str());
      for (Font& font : fonts)
        if (font.group == gone) font.group = keep;
    }
  }
}

void report_nearest(const std::vector<Font>& fonts) {
  struct Pair {
    int sum, label;
    const Font *test, *train;
  };
  std::vector<Pair> nearest;                                // one per test image
  std::map<std::pair<std::string, std::string>, int> most;  // near classes
  for (const Font& test : fonts) {
    if (!test.test) continue;
    const Shifts shifts = all_shifts(test.images);
    const Shapes shapes(test);
    std::vector<Pair> best(kClasses, Pair{1 << 30, 0, nullptr, nullptr});
    for (const Font& train : fonts) {
      if (train.test) continue;
      for (int c = 0; c < kClasses; ++c) {
        const int sum = nearest_of(shifts[c], train.images[c]);
        if (sum < best[c].sum) best[c] = {sum, c, &test, &train};
      }
      int& count = most[{test.family, train.family}];
      count = std::max(count, near_classes(shapes, train, all_ink(train)));
    }
    for (int c = 0; c < kClasses; ++c)
      if (test.kept[c] && best[c].train) nearest.push_back(best[c]);
  }
  std::sort(nearest.begin(), nearest.end(),
            [](const Pair& a, const Pair& b) { return a.sum != b.sum ? a.sum < b.sum : a.label < b.label; });

  std::printf(
      "nearest pairs across the split (mean pixel difference, 0..255, "
      "best of 9 shifts):\n");
  // A plain bar (l, I) agrees between any two plain faces: show each class
  // once, so that the list says something about the rest.
  std::set<int> seen;
  for (const Pair& p : nearest) {
    if (seen.size() == 20) break;
    if (!seen.insert(p.label).second) continue;
    std::printf("  %5.2f  %c  test %s - train %s\n", mean(p.sum), kLetters[p.label], p.test->name().c_str(),
                p.train->name().c_str());
  }
  for (double limit : {2.0, 3.0, 5.0, 8.0}) {
    const auto n = std::count_if(nearest.begin(), nearest.end(), [&](auto& p) { return mean(p.sum) < limit; });
    std::printf(
        "  test images nearer than %.0f to a train image of their "
        "class: %.1f %%\n",
        limit, 100.0 * n / nearest.size());
  }
  std::vector<std::pair<int, std::string>> families;
  for (const auto& [names, count] : most) families.push_back({-count, names.first + " - " + names.second});
  std::sort(families.begin(), families.end());
  std::printf(
      "families nearest across the split (near classes of 62 in their "
      "closest styles; %d would make them clones):\n",
      kNearClasses);
  for (std::size_t i = 0; i < families.size() && i < 15; ++i)
    std::printf("  %3d  %s\n", -families[i].first, families[i].second.c_str());
}

}  // namespace glyphs
