#include "train/data/fractals.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/nearest.h"
#include "train/data/fractal.h"
#include "train/data/readers.h"

namespace mvmoe {
namespace {

// The numbers of a specification, by key: one table for integers, one for other numbers.
struct WholeKey {
  const char* name;
  int lowest, highest;
  int FractalSpec::*value;
};
constexpr WholeKey whole_keys[] = {
    {"classes", 2, 1'000'000, &FractalSpec::classes},
    {"genera", 1, 1'000'000, &FractalSpec::genera},
    {"images", 1, 100'000'000, &FractalSpec::images},
    {"test", 1, 100'000'000, &FractalSpec::test},
    {"side", 16, 512, &FractalSpec::side},
};
struct RealKey {
  const char* name;
  double lowest, highest;
  double FractalSpec::*value;
};
constexpr RealKey real_keys[] = {
    {"genus-spread", 0, 1, &FractalSpec::genus_spread},
    {"spread", 0, 1, &FractalSpec::spread},
    {"rotation", 0, 3.14159, &FractalSpec::rotation},
    {"shift", 0, 0.5, &FractalSpec::shift},
    {"zoom", 0.1, 1, &FractalSpec::zoom},
};

std::vector<std::string> keys() {
  std::vector<std::string> names;
  for (const WholeKey& key : whole_keys) names.emplace_back(key.name);
  for (const RealKey& key : real_keys) names.emplace_back(key.name);
  for (const char* name : {"seed", "color", "flat"}) names.emplace_back(name);
  return names;
}

template <class Number>
Number number_from(const std::string& key, const std::string& word, Number lowest, Number highest) {
  Number value{};
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool is_number = parsed.ec == std::errc{} && parsed.ptr == word.data() + word.size();
  if (!is_number || !(value >= lowest && value <= highest))
    fail_usage("--data: fractals: ", key, "=", printable(word), " must be a ",
               std::is_integral_v<Number> ? "whole " : "", "number from ", lowest, " to ", highest);
  return value;
}

void set(FractalSpec& spec, const std::string& key, const std::string& word) {
  for (const WholeKey& known : whole_keys)
    if (key == known.name) spec.*known.value = number_from(key, word, known.lowest, known.highest);
  for (const RealKey& known : real_keys)
    if (key == known.name) spec.*known.value = number_from(key, word, known.lowest, known.highest);
  if (key == "seed") spec.seed = number_from<std::uint64_t>(key, word, 0, std::numeric_limits<std::uint64_t>::max());
  if (key == "color") {
    if (word != "grey" && word != "image")
      fail_usage("--data: fractals: color=", printable(word), " must be grey or image");
    spec.colored = word == "image";
  }
}

[[noreturn]] void fail_unknown(const std::string& part, const std::string& key) {
  const std::vector<std::string> known = keys();
  std::string all;
  for (const std::string& name : known) all += (all.empty() ? "" : ", ") + name;
  std::string near = nearest(key, known);
  if (part == near && near != "flat") near += near == "color" ? "=grey" : "=NUMBER";
  fail_usage("--data: fractals: '", printable(part), "' is no KEY=VALUE of it",
             near.empty() ? "" : ": did you mean " + near + "?", " (", all, ")");
}

void check(const FractalSpec& spec, bool genera_given) {
  if (spec.flat && genera_given) fail_usage("--data: fractals: flat has no genera: leave genera= out");
  if (!spec.flat && spec.genera > spec.classes)
    fail_usage("--data: fractals: genera=", spec.genera, " is more than classes=", spec.classes);
  const std::int64_t all = std::int64_t{spec.classes} * std::max(spec.images, spec.test);
  if (all > std::numeric_limits<int>::max())
    fail_usage("--data: fractals: ", spec.classes, " classes of ", std::max(spec.images, spec.test), " images are ",
               all, ", more than ", std::numeric_limits<int>::max());
}

// The systems of all species. [classes]
class Species {
 public:
  explicit Species(const FractalSpec& spec) : spec_(spec) {
    FractalSystem genus;
    for (int species = 0; species < spec.classes; ++species) {
      if (species == 0 || genus_of(species) != genus_of(species - 1)) genus = draw_genus(genus_of(species));
      systems_.push_back(draw_species(species, genus));
    }
  }

  const FractalSystem& operator[](int species) const { return systems_[static_cast<std::size_t>(species)]; }
  int genus_of(int species) const { return genus_of_species(spec_, species); }

 private:
  // Draws systems until a picture has neither too few nor too many bright pixels.
  template <class Draw>
  FractalSystem first_that_fills(Place place, int index, double least, double most, const Draw& draw) {
    for (std::uint64_t attempt = 0; attempt < 1000; ++attempt) {
      Random random(spec_.seed, place, attempt, static_cast<std::uint64_t>(index));
      const FractalSystem system = draw(random);
      constexpr int side = 32;
      std::uint8_t picture[side * side];
      draw_fractal(system, {}, side, random, picture);
      const double filled =
          static_cast<double>(std::count_if(picture, picture + side * side, [](int v) { return v > 0; }));
      if (filled >= least * side * side && filled <= most * side * side) return system;
    }
    fail("--data: fractals: no system of 1000 fills a picture as it must: a smaller genus-spread");
  }
  FractalSystem draw_genus(int genus) {
    return first_that_fills(Place::fractal_genus, genus, 0.2, 0.5,
                            [](Random& random) { return random_system(random); });
  }
  FractalSystem draw_species(int species, const FractalSystem& genus) {
    return first_that_fills(Place::fractal_species, species, 0.12, 0.6, [&](Random& random) {
      return spec_.flat ? genus : moved(genus, spec_.genus_spread, random);
    });
  }

  FractalSpec spec_;
  std::vector<FractalSystem> systems_;
};

// Two colours [3] that replace black and white, different enough to give some contrast.
void draw_colours(Random& random, std::uint8_t* dark, std::uint8_t* light) {
  for (;;) {
    int contrast = 0;
    for (int c = 0; c < 3; ++c) {
      dark[c] = static_cast<std::uint8_t>(random.below(256));
      light[c] = static_cast<std::uint8_t>(random.below(256));
      contrast += std::abs(int{light[c]} - int{dark[c]});
    }
    if (contrast >= 200) return;
  }
}

// Draws image `number` of a species, to [channels, side, side]. `place`: random numbers of the training or of the test
// images.
void draw_image(const FractalSpec& spec, const Species& systems, int species, Place place, int number,
                std::uint8_t* to) {
  Random random(spec.seed, place, static_cast<std::uint64_t>(species), static_cast<std::uint64_t>(number));
  const auto within = [&](double lowest, double highest) {
    return lowest + (highest - lowest) * (random.bits() * 0x1p-32);
  };
  const FractalSystem system = moved(systems[species], spec.spread, random);
  const FractalView view{.rotation = within(-spec.rotation, spec.rotation),
                         .mirrored = within(0, 1) < 0.5,
                         .zoom = within(spec.zoom, 1),
                         .shift_x = within(-spec.shift, spec.shift),
                         .shift_y = within(-spec.shift, spec.shift)};
  draw_fractal(system, view, spec.side, random, to);
  if (!spec.colored) return;
  std::uint8_t dark[3], light[3];
  draw_colours(random, dark, light);
  const int pixels = spec.side * spec.side;
  for (int c = 2; c >= 0; --c)  // plane 0 holds the grey picture, so it comes last
    for (int p = 0; p < pixels; ++p)
      to[c * pixels + p] = static_cast<std::uint8_t>(dark[c] + (light[c] - dark[c]) * to[p] / 255);
}

// A set with `images` images of each class, class by class.
ImageSet drawn_set(const FractalSpec& spec, std::shared_ptr<const Species> systems, Place place, int images) {
  ImageSet set{.channels = spec.colored ? 3 : 1, .side = spec.side, .pixels = {}, .labels = {}};
  set.labels.reserve(static_cast<std::size_t>(spec.classes) * static_cast<std::size_t>(images));
  for (int species = 0; species < spec.classes; ++species)
    set.labels.insert(set.labels.end(), static_cast<std::size_t>(images), species);
  set.draw = [=](int index, std::uint8_t* to) {
    draw_image(spec, *systems, index / images, place, index % images, to);
  };
  const std::string name = written(spec) + (place == Place::fractal_test ? " test" : " training");
  set.crc32 = crc32_of({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
  return set;
}

// Mean and deviation of raw / 255, over a sample of training images of all classes. The sums are integers, so the
// result is the same everywhere.
void measure(const FractalSpec& spec, DataSet& data) {
  constexpr int most = 512;
  const ImageSet& set = data.train;
  const int sample = std::min(most, set.size()), planes = set.channels, pixels = spec.side * spec.side;
  std::vector<std::uint8_t> image(static_cast<std::size_t>(planes * pixels));
  std::array<std::uint64_t, 3> sum{}, squares{};
  for (int i = 0; i < sample; ++i) {
    set.draw(static_cast<int>(std::int64_t{i} * set.size() / sample), image.data());
    for (int c = 0; c < 3; ++c)
      for (int p = 0; p < pixels; ++p) {
        const std::uint64_t v = image[static_cast<std::size_t>((planes == 3 ? c : 0) * pixels + p)];
        sum[static_cast<std::size_t>(c)] += v, squares[static_cast<std::size_t>(c)] += v * v;
      }
  }
  const double n = 255.0 * sample * pixels;
  for (std::size_t c = 0; c < 3; ++c) {
    const double mean = static_cast<double>(sum[c]) / n;
    data.mean[c] = static_cast<float>(mean);
    data.std[c] = static_cast<float>(std::sqrt(static_cast<double>(squares[c]) / (255 * n) - mean * mean));
  }
}

// g03 or s017: all numbers have the same width, so that names sort as numbers do.
std::string numbered(char letter, int number, int of) {
  const std::string digits = std::to_string(number);
  return letter + std::string(std::to_string(of - 1).size() - digits.size(), '0') + digits;
}

}  // namespace

int genus_of_species(const FractalSpec& spec, int species) {
  return spec.flat ? species : static_cast<int>(std::int64_t{species} * spec.genera / spec.classes);
}

FractalSpec parse_fractals(const std::string& words) {
  FractalSpec spec;
  std::vector<std::string> given;
  for (std::size_t begin = 0; begin < words.size();) {
    const std::size_t end = std::min(words.find(',', begin), words.size());
    const std::string part = words.substr(begin, end - begin), key = part.substr(0, part.find('='));
    const std::vector<std::string> known = keys();
    if (std::find(known.begin(), known.end(), key) == known.end() || (key == "flat") != (key == part))
      fail_unknown(part, key);
    if (std::find(given.begin(), given.end(), key) != given.end())
      fail_usage("--data: fractals: ", key, " is given twice");
    if (key == "flat") spec.flat = true;
    else set(spec, key, part.substr(key.size() + 1));
    given.push_back(key);
    begin = end + 1;
  }
  const auto has = [&](const char* key) { return std::find(given.begin(), given.end(), key) != given.end(); };
  if (!has("genera")) spec.genera = std::max(1, spec.classes / 10);
  check(spec, has("genera"));
  return spec;
}

std::string written(const FractalSpec& spec) {
  std::string out = text("seed=", spec.seed, ",color=", spec.colored ? "image" : "grey", spec.flat ? ",flat" : "");
  for (const WholeKey& key : whole_keys) {
    const bool says_nothing = spec.flat && key.value == &FractalSpec::genera;
    if (!says_nothing) out += text(",", key.name, "=", spec.*key.value);
  }
  for (const RealKey& key : real_keys) out += text(",", key.name, "=", spec.*key.value);
  return out;
}

DataSet load_fractals(const std::string& words) {
  const FractalSpec spec = parse_fractals(words);
  DataSet data;
  data.shift = false;  // images are drawn with shifts and reflections already
  const auto systems = std::make_shared<const Species>(spec);
  for (int species = 0; species < spec.classes; ++species) {
    const int genus = genus_of_species(spec, species);
    if (spec.flat) {
      data.classes.push_back(numbered('s', species, spec.classes));
      continue;
    }
    if (genus == static_cast<int>(data.coarse_classes.size()))
      data.coarse_classes.push_back(numbered('g', genus, spec.genera));
    data.coarse_of_class.push_back(genus);
    data.classes.push_back(data.coarse_classes.back() + numbered('s', species, spec.classes));
  }
  data.train = drawn_set(spec, systems, Place::fractal_image, spec.images);
  data.test = drawn_set(spec, systems, Place::fractal_test, spec.test);
  measure(spec, data);
  return data;
}

}  // namespace mvmoe
