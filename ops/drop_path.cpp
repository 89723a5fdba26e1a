#include "ops/drop_path.h"

#include "engine/error.h"
#include "engine/random.h"

namespace mvmoe {

Tensor drop_path_factors(Context& c, int images, float rate, int branch) {
  if (!(rate >= 0 && rate < 1)) fail("drop_path: rate is ", rate, ", must be at least 0 and below 1");
  if (!c.key.training || rate == 0) return {};
  const Tensor factors = c.arena.take({images});
  for (int i = 0; i < images; ++i) {
    // branch is below 1024: two a block, and a model has at most 256 blocks
    Random random(c.key.seed, Place::drop_path, c.key.step, c.image(i) << 10 | static_cast<std::uint64_t>(branch));
    factors[static_cast<std::size_t>(i)] = random.chance(rate) ? 0 : 1 / (1 - rate);
  }
  return factors;
}

}  // namespace mvmoe
