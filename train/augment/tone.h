// train/augment/tone.h: what changes a pixel by its own value alone: each of the 256 levels of a channel becomes
// another. In place; Pillow's bytes (ImageOps, ImageEnhance), with timm's names.
#pragma once
#include "train/data/image.h"

namespace mvmoe {

void invert(Image& image);
void posterize(Image& image, int bits);       // keeps the highest `bits` of 8; 0 leaves black
void solarize(Image& image, int threshold);   // inverts what is at or above it
void solarize_add(Image& image, int amount);  // adds to what is below 128, up to 255
void auto_contrast(Image& image);             // each channel by itself: the darkest level becomes 0, the brightest 255
void equalize(Image& image);  // each channel by itself: as many pixels at each level as its histogram lets
void brightness(Image& image, float factor);  // 0: black, 1: as it was, above: brighter
void contrast(Image& image, float factor);    // 0: the mean grey of the image, 1: as it was, above: more

}  // namespace mvmoe
