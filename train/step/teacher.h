// train/step/teacher.h: a trained network, the teacher, whose answers are targets for another, the student
// (distillation).
//
// As in DeiT (arXiv 2012.12877), the teacher sees the student's images after all augmentations. Two things change:
// colours are normalised with the teacher's mean and deviation, and images are resampled (bilinear) if the teacher's
// have another size. The teacher is not trained and nothing is recorded. It may be dense or sparse, of any width, depth
// and patch. It must have the student's classes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/lanes.h"
#include "engine/panels.h"
#include "train/augment/taps.h"
#include "train/files/load_model.h"
#include "train/losses/distillation.h"

namespace mvmoe {

// Loads a file of ours or of timm's. Throws as load_model does. Throws UsageError that names --teacher if neither the
// file nor a config.json beside it gives all that must be known.
LoadedModel load_teacher(const std::string& file);

// [classes] The teacher's label of each of the student's classes: by name if the file has names, else the same number.
// Throws UsageError that names --teacher, the file, and the first names or the numbers that differ.
std::vector<int> labels_of_teacher(const ModelDescription& teacher, const std::string& file,
                                   const std::vector<std::string>& classes);

class Teacher {
 public:
  // `label_of`: from labels_of_teacher. `side` and `preprocessing`: of the student's training images.
  Teacher(LoadedModel loaded, std::vector<int> label_of, int side, const Preprocessing& preprocessing,
          Threads& threads);

  // Fills taught [B, classes] for images [B, 3, S, S]. Soft targets: the teacher's logits. Hard targets: 1 for the
  // largest logit (of equal ones the lower class) and 0 elsewhere. Runs on the threads of the lanes and in their
  // memory. A lane is a routing group, as in training. After the first call nothing is allocated.
  void teach(Lanes& lanes, Tensor images, TeacherTargets targets, Tensor taught) const;

  const ModelConfig& config() const { return loaded_.model->config(); }

  // Of the weights and the preprocessing; the path of the file does not count.
  std::uint32_t crc32() const { return crc32_; }

 private:
  Tensor own_inputs(Context& c, Tensor images) const;

  LoadedModel loaded_;
  std::vector<int> label_of_;  // [classes]
  float scale_[3], shift_[3];  // from the student's normalised colours to the teacher's
  Taps taps_;                  // from the student's side to the teacher's, of rows and columns
  Panels panels_;
  std::uint32_t crc32_;
};

}  // namespace mvmoe
