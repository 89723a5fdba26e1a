// ops/distillation.h: how far a student's softened distribution is from its teacher's, summed over images.
//   p = softmax(teacher / T)   q = softmax(logits / T)
//   loss = T^2 sum_i sum_c p_ic (log p_ic - log q_ic)
//   gradients  dlogits = T (q - p), added to; the teacher gets none, because it does not learn
//   saved      q - p [b, C]
//   throws     if teacher is not shaped as logits, or T is not above 0
//   note       q - p shrinks as 1 / T, and the derivative of z / T is 1 / T: the factor T^2 keeps the gradient's size.
//              The loss is a sum over images, as all losses here. DeiT's equation has no other factor; its code
//              divides by the number of logits
//   source     Hinton et al. 2015, arXiv 1503.02531, section 2; DeiT, arXiv 2012.12877, equation 2
#pragma once
#include "engine/context.h"

namespace mvmoe {

struct Distillation {
  Tensor logits, teacher;  // [b, C]
  Tensor difference;       // [b, C], saved
  float temperature;
  float forward() const;  // the sum over images, in double inside
  void backward(float dloss, Tensor dlogits) const;
};

Var distillation(Context& c, Var logits, Tensor teacher, float temperature);  // [1]

}  // namespace mvmoe
