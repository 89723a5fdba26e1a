// train/superclass/confusion.h: which classes a network takes for which.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "train/evaluate/evaluate.h"
#include "train/superclass/matrix.h"

namespace mvmoe {

// Soft: the predicted probabilities, summed over the images of a true class. It is informative even if a class has few
// images. Hard: the number of images of a true class that were predicted as each class (of equal logits the lower
// class, as in `evaluate`).
enum class ConfusionKind { soft, hard };

struct Confusion {
  std::vector<std::string> classes;  // names, in label order
  DoubleMatrix matrix;               // [C, C], row: true class, column: predicted class; no negative entries
};

// Whether no class is ever taken for another: then nothing says which classes belong together.
bool nothing_is_confused(const Confusion& confusion);

struct MeasuredConfusion {
  DoubleMatrix matrix;  // [C, C]
  int images = 0;
  double accuracy = 0;   // percent of images whose largest logit is the true class's
  bool complete = true;  // false: keep_on stopped it, and the figures are not valid
};

// Measures the confusion matrix of a set. The results are added in the order of the images, so the matrix has the same
// bits for any number of threads. Each rank runs its share of the images, and all ranks get the whole result. `keep_on`
// is called before each lane, by one thread at a time, with the number of images done so far; false stops. `lanes` is
// used without gradients. Throws if a logit is not finite. Collective: every rank must call it.
MeasuredConfusion measure_confusion(const ViT& model, const ImageSet& set, const Preprocessing& preprocessing,
                                    ConfusionKind kind, Lanes& lanes,
                                    const std::function<bool(int images)>& keep_on = {});

}  // namespace mvmoe
