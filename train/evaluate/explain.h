// train/evaluate/explain.h: a picture that shows an image, and beside it a heat map of the patches the network read.
#pragma once
#include <vector>

#include "train/data/image.h"

namespace mvmoe {

struct Explanation {
  Image picture = {};
  float least = 0, most = 0;  // smallest and largest share of a patch, as multiples of the mean share
};

// Two squares with a white line between them. The left one is `seen` [S, S], the image as the network saw it, enlarged
// by an integer factor to at least 224 pixels a side. The right one is the same image in grey, with the heat map over
// it, half transparent. The map shows the shares of the patches [G x G], row by row, interpolated between the centres
// of the patches. Its colours go from black (smallest share of this image) over red to pale yellow (largest share):
// matplotlib's inferno.
Explanation explanation_of(const Image& seen, const std::vector<float>& shares);

}  // namespace mvmoe
