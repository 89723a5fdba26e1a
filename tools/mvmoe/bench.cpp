// tools/mvmoe/bench.cpp: `mvmoe bench train|infer|ops`: how fast this machine takes a step, all of it, or an image, and
// where the time goes.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/random.h"
#include "engine/threads.h"
#include "models/cost.h"
#include "tools/mvmoe/bench_ops.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/machine.h"
#include "tools/mvmoe/op_table.h"
#include "tools/mvmoe/options.h"
#include "tools/mvmoe/ranks.h"
#include "tools/mvmoe/trace.h"
#include "train/step/step.h"
#include "train/step/teacher.h"

namespace mvmoe {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// GFLOP/s of products of 1024 x 1024 on every thread at once, in the precision that is measured: what the processor
// gives when nothing else is to be done.
double gemm_peak(int threads, Kernels kernels) {
  const Kernels fast =
      kernels == Kernels::fast_bf16 ? kernels : Kernels::fast;  // not the plain ones: they would take a minute
  constexpr int n = 1024;
  Threads team(threads);
  std::vector<Block> memory;
  for (int t = 0; t < threads; ++t) memory.emplace_back(3 * n * n);
  double best = 1e30;
  for (int repeat = 0; repeat < 8; ++repeat)
    best = std::min(best, milliseconds([&] {
                      team.run([&](int t) {
                        float* a = memory[static_cast<std::size_t>(t)].data();
                        gemm({a, n, n, n}, {a + n * n, n, n, n}, {a + 2 * n * n, n, n, n}, {}, fast);
                      });
                    }));
  return 2.0 * n * n * n * threads / best / 1e6;
}

struct BenchOptions {
  ModelOptions model;
  ThreadOptions threads;
  RankOptions ranks;
  int batch_size = 128, steps = 12, warmup = 3;
  std::string trace, teacher;
  bool json = false;
};

// Random images and labels, made once: the data's part of a step is measured by another benchmark.
Batch random_batch(const ModelConfig& config, int size, Block& memory) {
  const std::size_t image = static_cast<std::size_t>(3 * config.image * config.image),
                    n = static_cast<std::size_t>(size);
  memory = Block(n * (image + static_cast<std::size_t>(config.classes)));
  Batch batch{.images = {memory.data(), {size, 3, config.image, config.image}},
              .targets = {memory.data() + n * image, {size, config.classes}},
              .labels = {}};
  Random random(0, Place::test);
  for (std::size_t i = 0; i < batch.images.size(); ++i) batch.images[i] = random.normal();
  for (int i = 0; i < size; ++i) {
    batch.labels.push_back(static_cast<int>(random.below(static_cast<std::uint32_t>(config.classes))));
    batch.targets.row(i)[batch.labels.back()] = 1;
  }
  return batch;
}

// One rank's share of it.
Batch part_of(const Batch& batch, Share share) {
  const auto first = batch.labels.begin() + share.first;
  return {.images = batch.images.outer_slice(share.first, share.images),
          .targets = batch.targets.outer_slice(share.first, share.images),
          .labels = {first, first + share.images},
          .first = share.first,
          .of = batch.size()};
}

// Step times, sorted, and what each operation took of them.
struct Measured {
  std::vector<double> ms;
  std::vector<OpRow> ops;
  double ranks_ms = 0;  // of a timed step: waiting for the other ranks, and exchanging with them
  // Of several ranks: shares of the gradient that could be, and that were, summed over them while a lane was still
  // running.
  std::optional<double> hideable, hidden;
};

// `--steps` steps are timed as they are in training. As many again, three at most, are recorded: a look at the clock
// for each operation must not count in the figure.
Measured measure(const BenchOptions& o, Lanes& lanes, const std::function<void()>& step) {
  Measured measured;
  for (int i = 0; i < o.warmup + o.steps; ++i) {
    const double waited_s = lanes.comm().waited_s(), ms = milliseconds(step);
    if (i < o.warmup) continue;
    measured.ms.push_back(ms);
    measured.ranks_ms += 1000 * (lanes.comm().waited_s() - waited_s) / o.steps;
  }
  std::sort(measured.ms.begin(), measured.ms.end());

  const int recorded = std::min(o.steps, 3);
  std::vector<Timeline> threads(static_cast<std::size_t>(lanes.config().threads));
  Timeline steps;
  lanes.record_into(&threads);
  for (int i = 0; i < recorded; ++i) {
    steps.skip();
    for (Timeline& thread : threads) thread.skip();
    step();
    steps.add("step", Phase::around);
  }
  lanes.record_into(nullptr);
  if (!o.trace.empty() && lanes.comm().first()) write_trace(o.trace, threads, steps);
  measured.ops = op_rows(threads, recorded);
  return measured;
}

// `flops`: of an image, by the formula.
int report(const BenchOptions& o, const ModelConfig& config, const Measured& measured, double flops, Comm& comm) {
  const std::vector<double>& times = measured.ms;
  const double median = times[times.size() / 2],
               peak =
                   comm.sum(gemm_peak(o.threads.lanes().threads, o.threads.kernels_to_run()));  // on all ranks at once
  const Cost c = cost(config);
  const double gflops = flops * o.batch_size / median / 1e6;
  if (o.json) {
    print_json({{"step_ms", median},
                {"step_ms_min", times.front()},
                {"step_ms_max", times.back()},
                {"images_per_s", 1000 * o.batch_size / median},
                {"peak_share", gflops / peak},
                {"gemm_peak_gflops", peak},
                {"peak_rss_mb", peak_rss_mb()},
                {"macs", c.macs},
                {"executed_macs", c.executed_macs},
                {"ranks", comm.ranks()},
                {"ranks_ms", measured.ranks_ms},
                {"hideable_share", measured.hideable ? nlohmann::ordered_json(*measured.hideable) : nullptr},
                {"hidden_share", measured.hidden ? nlohmann::ordered_json(*measured.hidden) : nullptr},
                {"threads", o.threads.lanes().threads},
                {"precision", o.threads.precision_to_use()},
                {"processor", processor_name()},
                {"ops", op_table_json(measured.ops)}});
    return 0;
  }
  if (comm.ranks() > 1) std::printf("%d ranks of ", comm.ranks());
  std::printf("%s, %d threads, %s\n", processor_name().c_str(), o.threads.lanes().threads,
              o.threads.precision_to_use().c_str());
  std::printf(
      "step %.2f ms (median of %zu; %.2f to %.2f), %.1f images/s, %.2f of the gemm peak (%.0f GFLOP/s), %.0f MiB at "
      "most\n",
      median, times.size(), times.front(), times.back(), 1000 * o.batch_size / median, gflops / peak, peak,
      peak_rss_mb());
  if (comm.ranks() > 1) {
    std::printf(
        "of a step, %.2f ms were for the other ranks: waiting, and summing with them; the rest of this is rank 0's\n",
        measured.ranks_ms);
    if (measured.hidden)
      std::printf("of the gradient, %.0f %% was summed while a lane was still running, and at most %.0f %% could be\n",
                  100 * *measured.hidden, 100 * *measured.hideable);
  }
  print_op_table(measured.ops);
  return 0;
}

int bench_train(const BenchOptions& o, const ModelConfig& config, Comm& comm) {
  ViT model(config);
  model.initialise(0);
  Block memory;
  const Batch whole = random_batch(config, o.batch_size, memory);
  Trainer trainer(model,
                  {.schedule = {.total_steps = 1'000'000},
                   .clip = 1,
                   .lanes = o.threads.lanes(),
                   .kernels = o.threads.kernels_to_run()},
                  &comm);
  if (const int lanes = Lanes::count(o.batch_size, o.threads.lane_size); lanes < comm.ranks())
    fail_usage("--batch-size: ", o.batch_size, " images in lanes of ", o.threads.lane_size, " are too few for ",
               comm.ranks(), " ranks");
  const Batch batch = part_of(whole, trainer.lanes.share_of(o.batch_size));
  if (comm.first()) say_idle_threads(o.threads.lanes(), batch.size());
  // A multiply-add is two operations, and is done three times: forward, dx, dW.
  double flops = 6 * static_cast<double>(cost(config).macs);
  std::optional<Teacher> teacher;
  if (!o.teacher.empty()) {
    require_same_file(comm, "--teacher", o.teacher);
    LoadedModel loaded = load_teacher(o.teacher);
    if (loaded.model->config().classes != config.classes)
      fail_usage("--teacher: ", printable(o.teacher), " knows ", loaded.model->config().classes,
                 " classes, --classes is ", config.classes);
    std::vector<int> labels(static_cast<std::size_t>(config.classes));
    std::iota(labels.begin(), labels.end(), 0);
    const Preprocessing as_its_own = loaded.description.preprocessing;
    flops += 2 * static_cast<double>(cost(loaded.model->config()).macs);
    teacher.emplace(std::move(loaded), labels, config.image, as_its_own, trainer.lanes.threads());
    trainer.teacher = &*teacher;
  }
  double hideable = 0, hidden = 0;
  int steps = 0;
  Measured measured = measure(o, trainer.lanes, [&] {
    train_step(trainer, batch);
    hideable += trainer.gradients.hideable();
    hidden += trainer.gradients.hidden();
    ++steps;
  });
  if (comm.ranks() > 1) measured.hideable = hideable / steps, measured.hidden = hidden / steps;
  return report(o, config, measured, flops, comm);
}

int bench_infer(const BenchOptions& o, const ModelConfig& config, const LaneConfig& lane_config, Comm& comm) {
  ViT model(config);
  model.initialise(0);
  Block memory;
  const Batch batch = random_batch(config, o.batch_size, memory);
  Lanes lanes(model.parameters(), lane_config, o.threads.kernels_to_run());
  const Panels panels(model.parameters(), lanes.threads());
  const Measured measured = measure(o, lanes, [&] {
    lanes.infer(batch.size(), &panels,
                [&](Context& c, Lane lane) { model.forward(c, batch.images.outer_slice(lane.first, lane.images)); });
  });
  return report(o, config, measured, 2 * static_cast<double>(cost(config).macs), comm);
}

int bench_ops(const BenchOptions& o, const ModelConfig& config) {
  const std::vector<OpRow> ops = time_ops(config, o.threads.lanes(), o.threads.kernels_to_run(), o.warmup, o.steps);
  const double peak = gemm_peak(o.threads.lanes().threads, o.threads.kernels_to_run());
  if (o.json) {
    print_json({{"gemm_peak_gflops", peak},
                {"peak_rss_mb", peak_rss_mb()},
                {"threads", o.threads.lanes().threads},
                {"precision", o.threads.precision_to_use()},
                {"lane_size", o.threads.lane_size},
                {"processor", processor_name()},
                {"ops", op_table_json(ops)}});
    return 0;
  }
  std::printf("%s, %d threads at once, %s, a lane of %d images each; gemm peak %.0f GFLOP/s\n",
              processor_name().c_str(), o.threads.lanes().threads, o.threads.precision_to_use().c_str(),
              o.threads.lane_size, peak);
  print_op_table(ops);
  return 0;
}

}  // namespace

int bench_command(const Words& words, Comm& comm) {
  if (!words.empty() && words[0] == "loader")
    return comm.first() ? bench_loader_command({words.begin() + 1, words.end()}) : 0;
  BenchOptions o;
  std::vector<std::string> what;
  Flags flags("bench train|infer|ops [flags]   (bench loader: see bench loader --help)",
              "Times a whole training step (zero, forward, loss, backward, clip, AdamW) or the forward pass, on random "
              "images, and says what each operation takes "
              "of it; or each of the network's operations by itself.");
  flags.add_positional("train|infer|ops", what, "what is measured");
  flags.heading("Model");
  o.model.declare(flags);
  flags.heading("Running");
  flags.add("batch-size", o.batch_size, "images a step, of all ranks together", 1, 1'000'000);
  flags.add("steps", o.steps, "measured steps", 1);
  flags.add("warmup", o.warmup, "steps before them", 0);
  flags.add("teacher", o.teacher,
            "of bench train: a step with this network's answers (train --teacher); its forward is a row of the table",
            "FILE");
  flags.add("trace", o.trace,
            "write what each thread did, and when, in the Chrome trace format (ui.perfetto.dev opens it)", "FILE");
  o.threads.declare(flags);
  o.ranks.declare_for_training(flags);
  flags.add("json", o.json, "results as one JSON object in the last line of stdout");
  if (!flags.parse(words)) return 0;
  if (what.size() != 1 || (what[0] != "train" && what[0] != "infer" && what[0] != "ops"))
    fail_usage(
        "bench: ", what.empty() ? "what to measure is missing" : "'" + printable(what[0]) + "' cannot be measured",
        ": give train, infer, ops or loader");
  require_experts(flags, o.model.moe, moe_flags);
  if (what[0] == "ops" && flags.given("trace"))
    fail_usage("--trace: `bench ops` runs no step: give it to bench train or infer");
  if (what[0] == "ops" && flags.given("batch-size"))
    fail_usage("--batch-size: `bench ops` runs one lane a thread: give --lane-size");
  if (what[0] != "train" && flags.given("teacher"))
    fail_usage("--teacher: `bench ", what[0], "` trains nothing: give it to bench train");
  const ModelConfig config = o.model.resolve(0, 0);
  if (what[0] != "train" && comm.ranks() > 1)
    fail_usage("bench ", what[0], ": measures one process, and ", comm.ranks(),
               " were started: bench train is for several");
  compress_sums(comm, o.ranks);
  settle(comm, o.ranks, o.threads, true);
  return what[0] == "train"   ? bench_train(o, config, comm)
         : what[0] == "infer" ? bench_infer(o, config, o.threads.lanes_for_inference(flags, config), comm)
                              : bench_ops(o, config);
}

}  // namespace mvmoe
