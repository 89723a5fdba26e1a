// train/losses/distillation.h: the task's loss of a lane's images, from their labels and from a teacher.
//
//   loss of an image = (1 - weight) cross_entropy(student, target) + weight D
//   soft targets   D = T^2 KL(softmax(teacher / T) || softmax(student / T)) (ops/distillation.h)
//   hard targets   D = cross_entropy(student, the teacher's first choice)
//   source         DeiT, arXiv 2012.12877, equations 2 and 3 (in equation 3 the weight is one half); Hinton et al.
//                  2015, arXiv 1503.02531
#pragma once
#include "engine/context.h"

namespace mvmoe {

enum class TeacherTargets { soft, hard };

struct DistillationConfig {  // the defaults are those of DeiT's code
  float weight = 0.5f;       // of D; the cross-entropy with the label has weight 1 - weight
  float temperature = 1;     // T, of soft targets
  TeacherTargets targets = TeacherTargets::soft;
};

struct TaskLoss {
  Var loss;                           // [1], a sum over the images; backward starts from it
  double task = 0, distillation = 0;  // the two parts before their weights; without a teacher the second is 0
};

// logits, targets, taught [b, classes]. `taught` holds the teacher's answers, from Teacher::teach. Without memory:
// there is no teacher, and the loss is the cross-entropy.
TaskLoss task_loss(Context& c, Var logits, Tensor targets, Tensor taught, const DistillationConfig& config);

}  // namespace mvmoe
