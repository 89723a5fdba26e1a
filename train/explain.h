// train/explain.h: what a network looked at, as a picture of the image with a heat map on it.
#pragma once
#include <vector>

#include "train/data/image.h"

namespace mvmoe {

// `seen` [S, S], the image as the network saw it, enlarged by a whole factor to at least 224 pixels a side; over it, half
// transparent, the shares of its patches [G x G], row by row, between the patches' centres interpolated: from black (nothing)
// by red to pale yellow (the largest share of this image). Colours: matplotlib's inferno.
Image heat_map(const Image& seen, const std::vector<float>& shares);

}  // namespace mvmoe
