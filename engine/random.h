// engine/random.h: random numbers without state.
//
// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a number is a function of a key
// and a counter. Here the key is (seed, place, step, index). Nothing remembers how many numbers were drawn before. So a
// resumed run, or a run with other threads or ranks, draws the same numbers.
#pragma once
#include <array>
#include <cstdint>

namespace mvmoe {

// What a number is used for. Each place has its own stream. Add new places at the end: then no stream changes.
enum class Place : std::uint32_t {
  init = 1,
  shuffle,
  holdout,
  crop,
  flip,
  drop_path,
  test,
  router_noise,
  superclass,
  random_router,
  random_resized_crop,
  color_jitter,
  rand_augment,
  random_erasing,
  erasing_noise,
  mixing,
  stand_in,
  fractal_genus,
  fractal_species,
  fractal_image,
  fractal_test
};

class Random {
 public:
  // `step` and `index` name the draw: the training step and the image, or the parameter and 0.
  Random(std::uint64_t seed, Place place, std::uint64_t step = 0, std::uint64_t index = 0);

  std::uint32_t bits();
  float uniform();  // [0, 1), 24 bits
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  float normal();                        // mean 0, variance 1 (Box and Muller)
  std::uint32_t below(std::uint32_t n);  // 0 .. n-1, exactly uniform; n > 0
  bool chance(float p) { return uniform() < p; }

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int left_ = 0;  // numbers of block_ that were not returned yet
  float spare_normal_ = 0;
  bool has_spare_ = false;
};

// One block of Philox4x32-10, from which all numbers above are made. Declared here for its known-answer test.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

}  // namespace mvmoe
