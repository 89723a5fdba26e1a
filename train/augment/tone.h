// train/augment/tone.h: operations that replace each of the 256 levels of a channel by another level. In place;
// Pillow's bytes (ImageOps, ImageEnhance), timm's names.
#pragma once
#include "train/data/image.h"

namespace mvmoe {

void invert(Image& image);
void posterize(Image& image, int bits);       // keeps the highest `bits` of 8; 0 gives black
void solarize(Image& image, int threshold);   // inverts the levels from `threshold` on
void solarize_add(Image& image, int amount);  // adds `amount` to the levels below 128, up to 255
void auto_contrast(Image& image);             // in each channel the darkest level becomes 0, the brightest 255
void equalize(Image& image);                  // makes the histogram of each channel as even as possible
void brightness(Image& image, float factor);  // 0: black, 1: no change, above: brighter
void contrast(Image& image, float factor);    // 0: the mean grey of the image, 1: no change, above: more

}  // namespace mvmoe
