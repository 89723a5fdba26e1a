#include "train/augment/random_resized_crop.h"

#include <algorithm>
#include <cmath>

#include "engine/random.h"

namespace mvmoe {

Rectangle sized(double area, double ratio) {  // a half is rounded to the even number, as in Python
  return {.width = static_cast<int>(std::nearbyint(std::sqrt(area * ratio))),
          .height = static_cast<int>(std::nearbyint(std::sqrt(area / ratio)))};
}

Rectangle centred(int width, int height, const CropShare& share) {
  Rectangle r{.width = width, .height = height};
  const double ratio = static_cast<double>(width) / height;
  if (ratio < share.least_ratio) r.height = static_cast<int>(std::nearbyint(width / share.least_ratio));
  if (ratio > share.most_ratio) r.width = static_cast<int>(std::nearbyint(height * share.most_ratio));
  r.left = (width - r.width) / 2;
  r.top = (height - r.height) / 2;
  return r;
}

Rectangle choose_random_resized_crop(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image, int width,
                                     int height, const CropShare& share) {
  Random random(seed, Place::random_resized_crop, epoch, image);
  const double all = static_cast<double>(width) * height;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = all * (share.least_area + (share.most_area - share.least_area) * random.uniform());
    const double log_least = std::log(share.least_ratio), log_most = std::log(share.most_ratio);
    Rectangle r = sized(area, std::exp(log_least + (log_most - log_least) * random.uniform()));
    if (r.width > width || r.height > height || r.width < 1 || r.height < 1) continue;
    r.top = static_cast<int>(random.below(static_cast<std::uint32_t>(height - r.height) + 1));
    r.left = static_cast<int>(random.below(static_cast<std::uint32_t>(width - r.width) + 1));
    return r;
  }
  Rectangle r = centred(width, height, share);
  r.width = std::max(r.width, 1), r.height = std::max(r.height, 1);  // for an image of one row
  return r;
}

}  // namespace mvmoe
