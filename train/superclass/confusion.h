// train/superclass/confusion.h: which classes a network takes for which.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "train/evaluate/evaluate.h"
#include "train/superclass/matrix.h"

namespace mvmoe {

// Soft: the predicted probabilities, summed over a true class's images. They keep signal where a class has few images.
// Hard: how many of its images were given to each class (of equal logits the lower class, as `evaluate` counts).
enum class ConfusionKind { soft, hard };

struct Confusion {
  std::vector<std::string> classes;  // names, in label order
  DoubleMatrix matrix;               // [C, C], row: the true class, column: the predicted one; nothing negative
};

// Whether no class is ever taken for another: then nothing says which classes belong together.
bool nothing_is_confused(const Confusion& confusion);

struct MeasuredConfusion {
  DoubleMatrix matrix;  // [C, C]
  int images = 0;
  double accuracy = 0;   // percent, of the classes with the largest logit
  bool complete = true;  // false: told to stop on the way, and the figures mean nothing
};

// Each image's result is computed by itself and added in the images' order: the same bits for any number of threads.
// Ranks take their shares of the images; all have the whole result. All ranks.
// Throws if the network gives a logit that is not finite. `lanes` is used without gradients. `keep_on` is asked before
// each lane, one lane at a time, with the number of images done so far; false stops.
MeasuredConfusion measure_confusion(const ViT& model, const ImageSet& set, const Preprocessing& preprocessing,
                                    ConfusionKind kind, Lanes& lanes,
                                    const std::function<bool(int images)>& keep_on = {});

}  // namespace mvmoe
