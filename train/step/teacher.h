// train/step/teacher.h: a trained network whose answers a student is trained towards (distillation).
//
// The teacher sees what the student sees, after crops, mixing and all, as in DeiT (arXiv 2012.12877): only mean and
// deviation become its own, and where its images have another side they are resampled (bilinear). Nothing of it is
// recorded or trained. It may be dense or sparse, of any width, depth and patch; the classes must be the student's.
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

// The network in a file of ours or of timm's. Throws as load_model does, and UsageError that names --teacher where
// neither the file nor a config.json beside it says what must be known.
LoadedModel load_teacher(const std::string& file);

// [classes] The teacher's label of each of the student's classes: by name where the file has names, else the same
// number. Throws UsageError that names --teacher, the file and the first names or the numbers that differ.
std::vector<int> labels_of_teacher(const ModelDescription& teacher, const std::string& file,
                                   const std::vector<std::string>& classes);

class Teacher {
 public:
  // `label_of` as above; `side` and `preprocessing` are those of the images that the student is trained on.
  Teacher(LoadedModel loaded, std::vector<int> label_of, int side, const Preprocessing& preprocessing,
          Threads& threads);

  // What it says of images [B, 3, S, S], into taught [B, classes]: its logits for soft targets, 1 for the largest and 0
  // elsewhere for hard ones (of equal ones the lower class). Runs on the lanes' threads, in the memory that these use
  // in training; a lane's images are a group of their own, as in training. A warm call allocates nothing.
  void teach(Lanes& lanes, Tensor images, TeacherTargets targets, Tensor taught) const;

  const ModelConfig& config() const { return loaded_.model->config(); }

  // Of its weights and of how its images are made, wherever the file is.
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
