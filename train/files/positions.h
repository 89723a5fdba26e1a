// train/files/positions.h: learned positions for images of another size.
#pragma once
#include "engine/tensor.h"

namespace mvmoe {

// from [1, 1 + g^2, D] to [1, 1 + h^2, D]: the class token's is copied, those of the g x g patches are resampled, each
// of the D planes as an image: bicubic (a = -0.5), and antialiased where h < g: timm's resample_abs_pos_embed, which is
// PyTorch's interpolate with antialias. Throws Error if a grid is no square.
void resample_positions(Tensor from, Tensor to);

}  // namespace mvmoe
