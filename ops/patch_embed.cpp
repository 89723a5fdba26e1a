#include "ops/patch_embed.h"

#include <algorithm>

#include "ops/check.h"
#include "ops/linear.h"
#include "ops/panel_linear.h"

namespace mvmoe {
namespace {

Tensor flat(Tensor weight) {  // [D, 3, P, P] as [D, 3*P*P]
  if (weight.empty()) return {};
  return weight.reshaped({weight.shape()[0], weight.shape()[1] * weight.shape()[2] * weight.shape()[3]});
}

}  // namespace

void PatchEmbed::unfold(int i, int py) const {
  const int channels = images.shape()[1], S = images.shape()[2], P = weight.shape()[2], side = S / P;
  float* to = unfolded.row((i * side + py) * side);
  for (int px = 0; px < side; ++px)
    for (int channel = 0; channel < channels; ++channel)
      for (int line = 0; line < P; ++line)
        to = std::copy_n(images.row((i * channels + channel) * S + py * P + line) + px * P, P, to);
}

void PatchEmbed::forward(Tensor y) const {
  const int b = images.shape()[0], side = images.shape()[2] / weight.shape()[2];
  for (int i = 0; i < b; ++i)
    for (int py = 0; py < side; ++py) unfold(i, py);
  Linear{.x = unfolded, .weight = flat(weight), .bias = bias, .kernels = kernels}.forward(y);
}

void PatchEmbed::backward(Tensor dy, Tensor dweight, Tensor dbias) const {
  const Linear linear{.x = unfolded, .weight = flat(weight), .bias = bias, .kernels = kernels};
  linear.backward(dy, {}, flat(dweight), dbias);
}

Var patch_embed(Context& c, Var images, Var weight, Var bias) {
  const Shape s = images.shape(), w = weight.shape();
  if (s.axes() != 4 || s[2] != s[3]) fail("patch_embed: images is ", s, ", must be [b, 3, S, S]");
  if (w.axes() != 4 || w[2] < 1 || w[2] != w[3] || w[1] != s[1])
    fail("patch_embed: weight is ", w, ", images is ", s, ": weight must be [D, ", s[1], ", P, P]");
  if (s[2] % w[2] != 0) fail("patch_embed: the image side ", s[2], " is not divided by the patch side ", w[2]);
  if (images.wants_grad()) fail("patch_embed: has no gradient in the images, but one is wanted");
  require_shape("patch_embed", "bias", bias.shape(), {w[0]}, "weight", w);
  const int N = (s[2] / w[2]) * (s[2] / w[2]);
  const PatchEmbed op{.images = images.value(),
                      .weight = weight.value(),
                      .bias = bias.value(),
                      .unfolded = c.arena.take({s[0] * N, w[1] * w[2] * w[2]}),
                      .kernels = c.kernels};
  const Var y = c.tape.output({s[0], N, w[0]});
  if (const float* panels = c.panels ? c.panels->of(weight.value()) : nullptr) {  // inference
    const int side = s[2] / w[2];
    c.share(s[0] * side, [&](int piece, int) { op.unfold(piece / side, piece % side); });
    PanelLinear{.x = op.unfolded, .panels = panels, .bias = op.bias}.forward(c, y.value());
    c.tape.record("patch_embed", {weight, bias}, y);
    return y;
  }
  op.forward(y.value());
  c.tape.record("patch_embed", {weight, bias}, y, [=] { op.backward(y.grad(), weight.grad(), bias.grad()); });
  return y;
}

}  // namespace mvmoe
