#include "train/augment/rand_augment.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/random.h"
#include "train/augment/saturation.h"
#include "train/augment/sharpness.h"
#include "train/augment/tone.h"

namespace mvmoe {
namespace {

constexpr double highest_level = 10;

struct Part {  // a part of a specification: a key and its number
  std::string_view key;
  double number = 0;
};

Part part_of(std::string_view text, const std::string& spec) {
  const std::size_t digits = std::min(text.find_first_of("0123456789.-"), text.size());
  Part part{.key = text.substr(0, digits)};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + digits, end, part.number, std::chars_format::fixed);
  if (error != std::errc{} || stop != end || part.key.empty())
    fail_usage("--rand-augment: ", printable(spec), ": ", printable(std::string(text)),
               " is no key with a number, must be like m9");
  return part;
}

void set(RandAugmentConfig& config, const Part& part, const std::string& spec) {
  const auto number = [&](double least, double most, bool whole) {
    if (!(part.number >= least && part.number <= most) || (whole && part.number != std::floor(part.number)))
      fail_usage("--rand-augment: ", printable(spec), ": ", part.key, " is ", part.number, ", must be ",
                 whole ? "a whole number " : "", "from ", least, " to ", most);
    return part.number;
  };
  if (part.key == "m") config.magnitude = number(0, highest_level, false);
  else if (part.key == "n") config.operations = static_cast<int>(number(1, 100, true));
  else if (part.key == "p") config.probability = number(0, 1, false);
  else if (part.key == "inc") config.increasing = number(0, 1, true) == 1;
  else if (part.key == "mstd")
    config.deviation = number(0, 1e9, false) > 100 ? std::numeric_limits<double>::infinity() : part.number;
  else
    fail_usage("--rand-augment: ", printable(spec), ": ", printable(std::string(part.key)),
               " is unknown, must be m, n, p, mstd or inc");
}

double draw_level(Random& random, const RandAugmentConfig& config) {
  double level = config.magnitude;
  if (std::isinf(config.deviation)) level = random.uniform() * config.magnitude;
  else if (config.deviation > 0) level += config.deviation * random.normal();
  return std::clamp(level, 0.0, highest_level);
}

}  // namespace

Colour fill_of(const std::array<float, 3>& mean) {
  Colour fill;
  for (std::size_t c = 0; c < 3; ++c)
    fill[c] = static_cast<std::uint8_t>(std::clamp(std::nearbyint(255 * mean[c]), 0.0f, 255.0f));
  return fill;
}

RandAugmentConfig parse_rand_augment(const std::string& spec) {
  std::string_view rest = spec;
  const auto next = [&] {
    const std::size_t end = std::min(rest.find('-'), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest = end < rest.size() ? rest.substr(end + 1) : std::string_view{};
    return word;
  };
  if (next() != "rand" || spec.ends_with('-'))
    fail_usage("--rand-augment: ", printable(spec), ", must be like rand-m9-mstd0.5-inc1");
  RandAugmentConfig config;
  while (!rest.empty()) set(config, part_of(next(), spec), spec);
  return config;
}

double argument_at(AugmentKind kind, double level, bool negative, bool increasing) {
  const double share = level / highest_level, sign = negative ? -1 : 1;
  switch (kind) {
    case AugmentKind::auto_contrast:
    case AugmentKind::equalize:
    case AugmentKind::invert:
      return 0;
    case AugmentKind::rotate:
      return sign * share * 30;
    case AugmentKind::posterize:
      return increasing ? 4 - std::floor(share * 4) : std::floor(share * 4);
    case AugmentKind::solarize:
      return increasing ? 256 - std::floor(share * 256) : std::floor(share * 256);
    case AugmentKind::solarize_add:
      return std::min(128.0, std::floor(share * 110));
    case AugmentKind::color:
    case AugmentKind::contrast:
    case AugmentKind::brightness:
    case AugmentKind::sharpness:
      return increasing ? std::max(0.1, 1 + sign * (share * 0.9)) : share * 1.8 + 0.1;
    case AugmentKind::shear_x:
    case AugmentKind::shear_y:
      return sign * share * 0.3;
    case AugmentKind::translate_x:
    case AugmentKind::translate_y:
      return sign * share * 0.45;
  }
  fail("rand_augment: kind ", static_cast<int>(kind), " is none of the ", augment_kinds);
}

std::vector<AugmentOperation> choose_rand_augment(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image,
                                                  const RandAugmentConfig& config) {
  Random random(seed, Place::rand_augment, epoch, image);
  std::vector<AugmentOperation> operations;
  for (int i = 0; i < config.operations; ++i) {
    AugmentOperation operation{.kind = static_cast<AugmentKind>(random.below(augment_kinds))};
    if (!random.chance(static_cast<float>(config.probability))) continue;
    const double level = draw_level(random, config);
    operation.argument = argument_at(operation.kind, level, random.chance(0.5f), config.increasing);
    if (config.random_interpolation && random.chance(0.5f)) operation.interpolation = Interpolation::bilinear;
    operations.push_back(operation);
  }
  return operations;
}

void apply(const AugmentOperation& operation, Colour fill, Image& image, Image& scratch) {
  const double argument = operation.argument;
  const auto move = [&](const Affine& affine) { transform(image, affine, operation.interpolation, fill, scratch); };
  switch (operation.kind) {
    case AugmentKind::auto_contrast:
      return auto_contrast(image);
    case AugmentKind::equalize:
      return equalize(image);
    case AugmentKind::invert:
      return invert(image);
    case AugmentKind::rotate:
      return move(rotation(argument, image.width, image.height));
    case AugmentKind::posterize:
      return posterize(image, static_cast<int>(argument));
    case AugmentKind::solarize:
      return solarize(image, static_cast<int>(argument));
    case AugmentKind::solarize_add:
      return solarize_add(image, static_cast<int>(argument));
    case AugmentKind::color:
      return saturation(image, static_cast<float>(argument));
    case AugmentKind::contrast:
      return contrast(image, static_cast<float>(argument));
    case AugmentKind::brightness:
      return brightness(image, static_cast<float>(argument));
    case AugmentKind::sharpness:
      return sharpness(image, static_cast<float>(argument), scratch);
    case AugmentKind::shear_x:
      return move({.b = argument});
    case AugmentKind::shear_y:
      return move({.d = argument});
    case AugmentKind::translate_x:
      return move({.c = argument * image.width});
    case AugmentKind::translate_y:
      return move({.f = argument * image.height});
  }
}

}  // namespace mvmoe
