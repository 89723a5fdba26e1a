#include "tools/gradcheck/network.h"

#include <cmath>

#include "engine/error.h"
#include "models/vit.h"

namespace mvmoe::gradcheck {
namespace {

constexpr int images = 3;

ModelConfig small(NetworkEnd end) {
  ModelConfig config;
  config.depth = 2;
  config.width = 8;
  config.heads = 2;
  config.patch = 4;
  config.image = 8;
  config.classes = 3;
  config.pool = end == NetworkEnd::cls ? Pool::cls : Pool::mean;
  config.class_token = end != NetworkEnd::fc_norm;
  config.fc_norm = end == NetworkEnd::fc_norm;
  return config;
}

// Weights of a size at which scores and activations are neither flat nor saturated; nothing at its start value.
void draw_parameters(const Parameters& parameters, std::uint64_t seed) {
  for (std::size_t i = 0; i < parameters.list().size(); ++i) {
    const Tensor value = parameters.value(static_cast<ParameterId>(i));
    draw(seed, 300 + i, Draw::normal, value);
    for (std::size_t j = 0; j < value.size(); ++j) value[j] *= 0.35f;
    if (parameters.list()[i].name.find("norm") != std::string::npos && parameters.list()[i].name.ends_with("weight"))
      for (std::size_t j = 0; j < value.size(); ++j) value[j] += 1;
  }
}

}  // namespace

Result check_network(NetworkEnd end, std::uint64_t seed) {
  const ModelConfig config = small(end);
  const ViT model(config);
  const Parameters& parameters = model.parameters();
  draw_parameters(parameters, seed);
  const Shape image_shape{images, 3, config.image, config.image}, logits_shape{images, config.classes};
  std::vector<float> pixels(image_shape.size()), cotangent(logits_shape.size());
  const Tensor batch(pixels.data(), image_shape), dy(cotangent.data(), logits_shape);
  draw(seed, 400, Draw::normal, batch);
  draw(seed, 401, Draw::away_from_zero, dy);

  std::map<std::string, Array> arrays;
  for (std::size_t i = 0; i < parameters.list().size(); ++i)
    arrays[parameters.list()[i].name] = Array(parameters.value(static_cast<ParameterId>(i)));
  const Array image_array(batch), dy_array(dy);
  const auto forward = [&] { return reference::vit(config, arrays, image_array); };
  const Array logits = forward();

  Result result{.op = end == NetworkEnd::cls    ? "network (pool cls)"
                      : end == NetworkEnd::mean ? "network (pool mean)"
                                                : "network (no class token, fc_norm)",
                .shapes = text("images ", image_shape, ", depth 2, width 8, heads 2, patch 4, classes 3")};
  const Block gradients[] = {Block(parameters.block_size()), Block(parameters.block_size())};  // fast, plain
  for (const Kernels kernels : {Kernels::fast, Kernels::plain}) {
    Context context(parameters, kernels);
    context.begin({.training = true, .seed = seed}, &gradients[kernels == Kernels::plain]);
    const Var y = model.forward(context, batch).logits;
    for (std::size_t i = 0; i < logits.values.size(); ++i)
      compare(result, y.value()[i], logits.values[i], largest_entry(logits),
              text("logits, ", name_of(kernels), " kernels"), i);
    context.tape.backward(y, dy);
  }
  for (std::size_t p = 0; p < parameters.list().size(); ++p) {
    const std::string& name = parameters.list()[p].name;
    Array gradient = finite_difference(forward, arrays[name], dy_array);
    if (name.ends_with("qkv.bias"))
      for (int i = config.width; i < 2 * config.width; ++i) gradient.values[static_cast<std::size_t>(i)] = 0;
    const double largest = largest_entry(gradient);
    require_reference(result, name, largest);
    for (const Kernels kernels : {Kernels::fast, Kernels::plain}) {
      const Tensor is = parameters.piece(gradients[kernels == Kernels::plain], static_cast<ParameterId>(p));
      for (std::size_t i = 0; i < is.size(); ++i)
        compare(result, is[i], gradient.values[i], largest, text("d", name, ", ", name_of(kernels), " kernels"), i);
    }
  }
  return result;
}

}  // namespace mvmoe::gradcheck
