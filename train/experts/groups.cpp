#include "train/experts/groups.h"

#include "engine/error.h"

namespace mvmoe {

int group_size(int experts, int ranks) {
  if (ranks > 1 && experts < 2)
    fail_usage("--expert-parallel: ", experts, " expert cannot be shared out among ", ranks,
               " ranks: it takes 2 experts, or one rank");
  int size = experts < ranks ? experts : ranks;
  while (ranks % size != 0) --size;
  if (size == 1 && ranks > 1)  // `ranks` is odd, so one rank more or less can be divided by 2
    fail_usage("--expert-parallel: ", ranks, " ranks cannot be dealt into equal groups of ", experts > 2 ? "2 to " : "",
               experts, " ranks, one for each expert at most: ", ranks - 1, " or ", ranks + 1, " ranks can");
  return size;
}

Groups::Groups(Comm* comm, int size) {
  if (!comm || size == 0 || size == comm->ranks()) return;
  if (comm->ranks() % size != 0) fail("groups: ", comm->ranks(), " ranks cannot be dealt into groups of ", size);
  group_.emplace(comm->split(comm->rank() / size));
  peers_.emplace(comm->split(comm->rank() % size));
}

}  // namespace mvmoe
