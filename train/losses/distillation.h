// train/losses/distillation.h: what a lane's images cost, where a teacher says what is right beside the labels.
//
//   loss of an image = (1 - weight) cross_entropy(student, target) + weight D
//   soft targets   D = T^2 KL(softmax(teacher / T) || softmax(student / T)) (ops/distillation.h)
//   hard targets   D = cross_entropy(student, the teacher's first choice)
//   source         DeiT, arXiv 2012.12877, equations 2 and 3 (its hard loss has a weight of a half); Hinton et al.
//                  2015, arXiv 1503.02531
#pragma once
#include "engine/context.h"

namespace mvmoe {

enum class TeacherTargets { soft, hard };

struct DistillationConfig {  // the defaults are those of DeiT's code
  float weight = 0.5f;       // of the teacher; the labels have the rest
  float temperature = 1;     // T, of soft targets
  TeacherTargets targets = TeacherTargets::soft;
};

struct TaskLoss {
  Var loss;                           // [1], what is differentiated: a sum over the images
  double task = 0, distillation = 0;  // its parts before their weights; without a teacher the second is 0
};

// `taught` [b, classes] is what Teacher::teach made of the lane's images; without memory: there is no teacher, and the
// loss is the cross-entropy. logits, targets [b, classes].
TaskLoss task_loss(Context& c, Var logits, Tensor targets, Tensor taught, const DistillationConfig& config);

}  // namespace mvmoe
