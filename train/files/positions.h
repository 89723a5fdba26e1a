// train/files/positions.h: resamples learned position embeddings for another image size.
#pragma once
#include "engine/tensor.h"

namespace mvmoe {

// from [1, 1 + g^2, D] to [1, 1 + h^2, D]. The position of the class token is copied. Those of the g x g patches are
// resampled to h x h, as D images: bicubic (a = -0.5), antialiased if h < g. This is timm's resample_abs_pos_embed,
// which is PyTorch's interpolate with antialias. Throws Error if a grid is not square.
void resample_positions(Tensor from, Tensor to);

}  // namespace mvmoe
