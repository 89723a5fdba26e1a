// tools/library/mvmoe.cpp: the C interface. Every function is one call into train, inside `guarded`: what is thrown
// ends there, as a text and a value that says "failed".
#include "tools/library/mvmoe.h"

#include <omp.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <new>
#include <span>

#include "engine/error.h"
#include "engine/panels.h"
#include "tools/library/load.h"
#include "train/data/decode.h"
#include "train/evaluate/predict.h"
#include "train/files/load_model.h"

using namespace mvmoe;

namespace {

Panels panels_of(const LoadedModel& loaded) {
  Threads caller(1);
  return Panels(loaded.model->parameters(), caller);
}

}  // namespace

struct mvmoe_model {
  explicit mvmoe_model(LoadedModel given) : loaded(std::move(given)), panels(panels_of(loaded)) {}
  const LoadedModel loaded;
  const Panels panels;
  mutable std::mutex mutex;                            // guards idle
  mutable std::vector<std::unique_ptr<Context>> idle;  // as many as predictions ever ran at once
};

struct mvmoe_prediction {
  Prediction said;
  int superclass;  // or MVMOE_NONE
};

namespace {

template <class Value, class Body>
Value guarded(Value failed, const Body& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    keep_error("out of memory");
  } catch (const std::exception& e) {
    keep_error(e.what());
  } catch (...) {
    keep_error("an exception of no known kind");
  }
  return failed;
}

template <class Type>
Type* needed(const char* function, const char* role, Type* pointer) {
  if (!pointer) fail(function, ": ", role, " is a null pointer");
  return pointer;
}

// While a prediction runs: gemm (engine/gemm.cpp) sets the calling thread's number of OpenMP threads, which belongs to
// the caller here; and oneDNN 2.6's products use the stack pointer as an ordinary register, so that a signal's handler,
// which is the caller's too, would write over memory. Signals wait until it has been put back; those of an error of
// this thread cannot.
class CallersThread {
 public:
  CallersThread() : threads_(omp_get_max_threads()) {
    sigset_t others;
    sigfillset(&others);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) sigdelset(&others, own);
    pthread_sigmask(SIG_BLOCK, &others, &signals_);
  }
  ~CallersThread() {
    omp_set_num_threads(threads_);
    pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
  }
  CallersThread(const CallersThread&) = delete;
  CallersThread& operator=(const CallersThread&) = delete;

 private:
  const int threads_;
  sigset_t signals_;
};

std::unique_ptr<Context> take_context(const mvmoe_model& model) {
  {
    const std::lock_guard lock(model.mutex);
    if (!model.idle.empty()) {
      std::unique_ptr<Context> context = std::move(model.idle.back());
      model.idle.pop_back();
      return context;
    }
  }
  return std::make_unique<Context>(model.loaded.model->parameters());
}

// image() gives the image; what it throws is thrown.
template <class MakeImage>
mvmoe_prediction* predict_image(const mvmoe_model& model, const MakeImage& image) {
  const ModelDescription& d = model.loaded.description;
  const Image decoded = image();
  const CallersThread thread;
  std::unique_ptr<Context> context = take_context(model);
  auto made = std::make_unique<mvmoe_prediction>(
      mvmoe_prediction{predict(*model.loaded.model, decoded, d.preprocessing, *context, &model.panels), MVMOE_NONE});
  if (!d.superclass_of.empty())
    made->superclass = d.superclass_of[static_cast<std::size_t>(most_probable(made->said.logits, 1)[0].label)];
  const std::lock_guard lock(model.mutex);
  model.idle.push_back(std::move(context));
  return made.release();
}

Image image_of_pixels(const std::uint8_t* pixels, int width, int height) {
  if (width < 1 || height < 1)
    fail("mvmoe_predict_rgb: the image is ", width, " x ", height, " pixels, must be at least 1 x 1");
  if (std::int64_t{width} * height > most_pixels)
    fail("mvmoe_predict_rgb: the image is ", width, " x ", height, " pixels, must be at most ", most_pixels / 1'000'000,
         " million");
  return {
      .width = width,
      .height = height,
      .rgb = {pixels, pixels + std::size_t{3} * static_cast<std::size_t>(width) * static_cast<std::size_t>(height)}};
}

}  // namespace

mvmoe_model* mvmoe::load_on_this_processor(const char* path) {
  return guarded<mvmoe_model*>(nullptr,
                               [&] { return new mvmoe_model(load_model(needed("mvmoe_load", "path", path))); });
}

void mvmoe_free(mvmoe_model* model) { delete model; }

int mvmoe_classes(const mvmoe_model* model) {
  return guarded(
      -1, [&] { return static_cast<int>(needed("mvmoe_classes", "model", model)->loaded.description.classes.size()); });
}

const char* mvmoe_class_name(const mvmoe_model* model, int label) {
  return guarded<const char*>(nullptr, [&] {
    const std::vector<std::string>& classes = needed("mvmoe_class_name", "model", model)->loaded.description.classes;
    if (label < 0 || static_cast<std::size_t>(label) >= classes.size())
      fail("mvmoe_class_name: label is ", label, ", must be 0 to ", classes.size() - 1);
    return classes[static_cast<std::size_t>(label)].c_str();
  });
}

mvmoe_prediction* mvmoe_predict_file(const mvmoe_model* model, const char* path) {
  return guarded<mvmoe_prediction*>(nullptr, [&] {
    const char* name = needed("mvmoe_predict_file", "path", path);
    return predict_image(*needed("mvmoe_predict_file", "model", model), [&] { return read_image(name); });
  });
}

mvmoe_prediction* mvmoe_predict_encoded(const mvmoe_model* model, const void* bytes, size_t size) {
  return guarded<mvmoe_prediction*>(nullptr, [&] {
    const auto* first = needed("mvmoe_predict_encoded", "bytes", static_cast<const std::uint8_t*>(bytes));
    return predict_image(*needed("mvmoe_predict_encoded", "model", model), [&] {
      try {
        return decode_image({first, size});
      } catch (const Error& e) {
        fail("mvmoe_predict_encoded: the image ", e.what());
      }
    });
  });
}

mvmoe_prediction* mvmoe_predict_rgb(const mvmoe_model* model, const uint8_t* pixels, int width, int height) {
  return guarded<mvmoe_prediction*>(nullptr, [&] {
    const std::uint8_t* first = needed("mvmoe_predict_rgb", "pixels", pixels);
    return predict_image(*needed("mvmoe_predict_rgb", "model", model),
                         [&] { return image_of_pixels(first, width, height); });
  });
}

void mvmoe_prediction_free(mvmoe_prediction* prediction) { delete prediction; }

int mvmoe_top(const mvmoe_prediction* prediction, int count, int* labels, float* probabilities) {
  return guarded(-1, [&] {
    const std::vector<float>& logits = needed("mvmoe_top", "prediction", prediction)->said.logits;
    if (count < 1) fail("mvmoe_top: count is ", count, ", must be at least 1");
    int* to_label = needed("mvmoe_top", "labels", labels);
    float* to_probability = needed("mvmoe_top", "probabilities", probabilities);
    int written = 0;
    for (const ClassProbability& one : most_probable(logits, count)) {
      to_label[written] = one.label;
      to_probability[written++] = one.probability;
    }
    return written;
  });
}

const float* mvmoe_logits(const mvmoe_prediction* prediction) {
  return guarded<const float*>(nullptr,
                               [&] { return needed("mvmoe_logits", "prediction", prediction)->said.logits.data(); });
}

int mvmoe_superclass(const mvmoe_prediction* prediction) {
  return guarded(-1, [&] { return needed("mvmoe_superclass", "prediction", prediction)->superclass; });
}

int mvmoe_experts(const mvmoe_prediction* prediction, int count, int* experts, float* gates) {
  return guarded(-1, [&] {
    const std::vector<UsedExpert>& used = needed("mvmoe_experts", "prediction", prediction)->said.experts;
    if (count < 0) fail("mvmoe_experts: count is ", count, ", must be 0 or more");
    if (count > 0 && (!experts || !gates))
      fail("mvmoe_experts: ", experts ? "gates" : "experts", " is a null pointer, with count ", count);
    for (std::size_t i = 0; i < std::min(used.size(), static_cast<std::size_t>(count)); ++i) {
      experts[i] = used[i].index;
      gates[i] = used[i].gate;
    }
    return static_cast<int>(used.size());
  });
}
