// After the first step, a step of ours calls no allocator. operator new is replaced in this program and counts while
// a step runs; calls that come from a library's own code (oneDNN, OpenMP) are told apart by the address they return to.
// oneDNN's primitives, which cost far more to create than to run, are counted by this program's own
// dnnl_primitive_create.
#include <dlfcn.h>
#include <dnnl.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <new>

#include "tests/train/small_run.h"
#include "train/files/load_model.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<int> counted{0}, primitives{0};

void count(void* caller) {
  if (!counting.load(std::memory_order_relaxed)) return;
  Dl_info info{};
  const bool library = dladdr(caller, &info) && info.dli_fname &&
                       (std::strstr(info.dli_fname, "libdnnl") || std::strstr(info.dli_fname, "libgomp"));
  if (!library) ++counted;
}

void* allocate_or_null(std::size_t size, std::size_t alignment, void* caller) {
  count(caller);
  return alignment > alignof(std::max_align_t)
             ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
             : std::malloc(size ? size : 1);
}

void* allocate(std::size_t size, std::size_t alignment, void* caller) {
  void* memory = allocate_or_null(size, alignment, caller);
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, 0, __builtin_return_address(0)); }
void* operator new[](std::size_t size) { return allocate(size, 0, __builtin_return_address(0)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment), __builtin_return_address(0));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment), __builtin_return_address(0));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, 0, __builtin_return_address(0));
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, 0, __builtin_return_address(0));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

extern "C" dnnl_status_t dnnl_primitive_create(dnnl_primitive_t* primitive, const_dnnl_primitive_desc_t description) {
  static const auto next =
      reinterpret_cast<decltype(&dnnl_primitive_create)>(dlsym(RTLD_NEXT, "dnnl_primitive_create"));
  if (counting.load(std::memory_order_relaxed)) ++primitives;
  return next(primitive, description);
}

namespace mvmoe {
namespace {

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  long size = 0, resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

TEST(Allocation, TheCounterCounts) {
  counted = primitives = 0;
  counting = true;
  delete new int(1);
  std::vector<int>(100);
  EXPECT_NE(dnnl_primitive_create(nullptr, nullptr), dnnl_success);
  counting = false;
  EXPECT_GE(counted.load(), 1);  // the compiler may leave one of the two out
  EXPECT_EQ(primitives.load(), 1);
}

struct SmallRun {
  SmallRun(const MoeConfig& moe, int parts_of_step, Optimizer optimizer, int threads, bool taught)
      : parts(parts_of_step), images(small_images(64)), loader(images, small_loader(30 / parts)) {
    ModelConfig config = small_model();
    config.drop_path = 0.2f;
    config.moe = moe;
    model = std::make_unique<ViT>(config);
    model->initialise(1);
    StepConfig step;
    step.clip = 1;
    step.optimizer = optimizer;
    step.layer_decay = 0.9f;
    step.ema = 0.9f;
    step.routing = {.superclass_of = {}, .balance_weight = 0.1f, .z_weight = 0.01f};
    if (moe.experts > 0 && moe.routing == Routing::superclass) step.routing.superclass_of = {0, 1, 1};
    step.lanes = {.threads = threads, .lane_size = 4, .gradient_blocks = 16};
    step.schedule.total_steps = 1000;
    trainer = std::make_unique<Trainer>(*model, step);
    if (!taught) return;
    ModelConfig larger = small_model();
    larger.width = 32, larger.image = 12, larger.patch = 2;
    LoadedModel loaded{std::make_unique<ViT>(larger), {}};
    loaded.model->initialise(2);
    loaded.description.preprocessing = small_loader(1).preprocessing;
    const Preprocessing preprocessing = loaded.description.preprocessing;
    teacher.emplace(std::move(loaded), std::vector<int>{0, 1, 2}, 8, preprocessing, trainer->lanes.threads());
    trainer->teacher = &*teacher;
  }
  void steps(int count) {
    for (int s = 0; s < count; ++s) train_step(*trainer, parts, [&]() -> const Batch& { return loader.next(); });
  }
  // Until each thread has had a lane of the student's and one of the teacher's: a lane goes to whichever thread is
  // free.
  void warm_both_networks() {
    std::vector<Timeline> timelines(static_cast<std::size_t>(trainer->config.lanes.threads));
    const auto had = [&](const Timeline& timeline, const char* name) {
      return std::any_of(timeline.events().begin(), timeline.events().end(),
                         [&](const Event& event) { return std::strcmp(event.name, name) == 0; });
    };
    trainer->lanes.record_into(&timelines);
    const auto warm = [&] {
      return std::all_of(timelines.begin(), timelines.end(),
                         [&](const Timeline& t) { return had(t, "teacher") && had(t, "merge"); });
    };
    for (int tries = 0; tries < 10'000 && !warm(); ++tries) steps(1);
    trainer->lanes.record_into(nullptr);
  }
  const int parts;
  const ImageSet images;
  Loader loader;
  std::unique_ptr<ViT> model;
  std::unique_ptr<Trainer> trainer;
  std::optional<Teacher> teacher;
};

std::size_t arena_bytes_of_one_thread(const MoeConfig& moe, int parts, Optimizer optimizer, bool taught) {
  SmallRun run(moe, parts, optimizer, 1, taught);
  run.steps(6);
  return run.trainer->lanes.arena_bytes();
}

void expect_no_allocation(const MoeConfig& moe, int parts = 1, Optimizer optimizer = Optimizer::adamw,
                          bool taught = false) {
  SmallRun run(moe, parts, optimizer, 2, taught);
  run.steps(6);
  // A lane goes to whichever thread is free, so on a busy machine the second may not have had one yet, and is not warm.
  // (Where lanes meet, each has a memory of its own.)
  const std::size_t times = balances_whole_batch(moe, run.trainer->config.routing) ? 1 : 2;
  const std::size_t warm = times * arena_bytes_of_one_thread(moe, parts, optimizer, taught);
  for (int tries = 0; tries < 10'000 && run.trainer->lanes.arena_bytes() < warm; ++tries) run.steps(1);
  if (taught) run.warm_both_networks();
  const std::size_t arenas = run.trainer->lanes.arena_bytes();
  const double before = resident_mib();
  counted = primitives = 0;
  counting = true;  // the loader's threads are counted too
  run.steps(200);   // each a batch drawn anew: where tokens are routed, products of other heights each time
  counting = false;
  EXPECT_EQ(counted.load(), 0);
  EXPECT_EQ(primitives.load(), 0);
  EXPECT_EQ(run.trainer->lanes.arena_bytes(), arenas);
  EXPECT_LT(resident_mib() - before, 2.0);
}

TEST(Allocation, AWarmStepAllocatesNothingAndStaysFlat) { expect_no_allocation({}); }
TEST(Allocation, NorInPartsNorWithSgd) {
  expect_no_allocation({.experts = 3, .layers = 1, .routing = Routing::image, .balance = Balance::switch_loss}, 3,
                       Optimizer::sgd);
}
TEST(Allocation, NorWithATeacher) {
  expect_no_allocation({}, 1, Optimizer::adamw, true);
  expect_no_allocation({.experts = 3, .layers = 1, .routing = Routing::token}, 2, Optimizer::adamw, true);
}
TEST(Allocation, NorWithASuperClassRouter) { expect_no_allocation({.experts = 2, .layers = 1}); }
TEST(Allocation, NorWhereLanesMeet) {
  expect_no_allocation({.experts = 3,
                        .layers = 1,
                        .top_k = 2,
                        .routing = Routing::image,
                        .balance = Balance::importance_load,
                        .router_noise = 0.3f});
}
TEST(Allocation, NorWhereTokensAreRouted) {
  expect_no_allocation({.experts = 3,
                        .layers = 2,
                        .top_k = 2,
                        .routing = Routing::token,
                        .balance = Balance::importance_load,
                        .router_noise = 0.3f,
                        .capacity = 1,
                        .batch_priority = true});
  expect_no_allocation({.experts = 3, .layers = 2, .routing = Routing::token, .balance = Balance::bias});
}

// One lane that all threads do together, and lanes that each does for itself.
TEST(Allocation, NorDoesInference) {
  for (const int images : {1, 9})
    for (const int experts : {0, 3}) {
      ModelConfig config = small_model();
      config.width = 32;
      if (experts > 0) config.moe = {.experts = experts, .layers = 1, .routing = Routing::image};
      ViT model(config);
      model.initialise(1);
      Lanes lanes(model.parameters(), {.threads = 2, .lane_size = 4}, Kernels::fast);
      const Panels panels(model.parameters(), lanes.threads());
      const Block memory(static_cast<std::size_t>(images * 3 * 8 * 8));
      const Tensor input(memory.data(), {images, 3, 8, 8});
      const auto infer = [&] {
        lanes.infer(images, &panels,
                    [&](Context& c, Lane lane) { model.forward(c, input.outer_slice(lane.first, lane.images)); });
      };
      for (int tries = 0; tries < 10'000 && (tries < 5 || lanes.arena_bytes() < (images == 1 ? 1u : 2u) * (8u << 20));
           ++tries)
        infer();
      counted = 0;
      counting = true;
      for (int i = 0; i < 100; ++i) infer();
      counting = false;
      EXPECT_EQ(counted.load(), 0) << images << " images, " << experts << " experts";
    }
}

}  // namespace
}  // namespace mvmoe
