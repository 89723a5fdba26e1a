// train/evaluate/explain.h: what a network looked at, as a picture of the image with a heat map beside it.
#pragma once
#include <vector>

#include "train/data/image.h"

namespace mvmoe {

struct Explanation {
  Image picture = {};
  float least = 0, most = 0;  // of its patches, as multiples of their mean: how much the map's colours mean
};

// Two squares, a white line between them. The left one is `seen` [S, S], the image as the network saw it, enlarged by a
// whole factor to at least 224 pixels a side. The right one is the same in grey, so that all colour is the map's, and
// half transparent over it the shares of its patches [G x G], row by row, between the patches' centres interpolated:
// from black (this image's smallest share) by red to pale yellow (its largest). Colours: matplotlib's inferno.
Explanation explanation_of(const Image& seen, const std::vector<float>& shares);

}  // namespace mvmoe
