// tools/mvmoe/pack.cpp: `mvmoe pack`.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/cores.h"
#include "engine/error.h"
#include "engine/files.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/options.h"
#include "train/input/pack_write.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// A line every ten seconds.
class PackProgress {
 public:
  explicit PackProgress(int images) : images_(images) {}
  void show(int done) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::seconds(10)) return;
    last_ = now;
    std::fprintf(stderr, "%d of %d images packed\n", done, images_);
  }

 private:
  const int images_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace

int pack_command(const Words& words) {
  std::string data_spec, out, format = "jpeg";
  PackOptions options;
  options.threads = 0;
  bool strict = false, json = false, quiet = false;
  Flags flags("pack --data folder:DIR --out FILE [flags]",
              "Turns a folder of images into one file with an index and checksums, which --data pack:FILE reads fast "
              "and in any order.");
  flags.add("data", data_spec,
            "folder:DIR: with train/ and val/, with one of them, or with class folders in it; or fractals", "SPEC");
  flags.add("out", out, "the pack; a file that is there is replaced when the new one is whole", "FILE");
  flags.add("size", options.size,
            "pixels that the short side of a larger image becomes; smaller images stay as they are", 1, 65536);
  flags.add_choice("format", format, "how images are kept: raw takes about ten times the room and no time to decode",
                   {"jpeg", "raw"});
  flags.add("quality", options.quality, "of JPEG", 1, 100);
  flags.add("strict", strict, "an image that cannot be read is an error, instead of being left out");
  flags.add("threads", options.threads, "threads (0: the cores this process may use); the pack does not depend on them",
            0, 4096);
  flags.add("quiet", quiet, "no progress on stderr");
  flags.add("json", json, "results as one JSON object in the last line of stdout");
  if (!flags.parse(words)) return 0;
  for (const char* name : {"data", "out"}) flags.require(name);
  check_spec(data_spec);
  if (kind_of(data_spec) != "folder" && kind_of(data_spec) != "fractals")
    fail_usage("--data: '", printable(data_spec),
               "': a folder:DIR or fractals is packed, other data stands in few files already");
  const fs::path folder = fs::path(out).parent_path();
  std::error_code ignored;
  if (out.empty()) fail_usage("--out: is empty, must be a file");
  if (!folder.empty() && !fs::is_directory(folder, ignored))
    fail(printable(out), ": its folder is not there");  // before the work, not after
  listen_for_stop_signals();
  options.format = format == "raw" ? PackFormat::raw : PackFormat::jpeg;
  if (options.threads == 0) options.threads = available_cores();

  const DataSet data = load_dataset(data_spec, strict);
  if (!quiet) say_notes(data);
  const ImageSet& any = data.test.damaged ? data.test : data.train;  // both note their damaged images in one place
  PackProgress progress(data.train.size() + data.test.size());
  options.keep_on = [&](int done) {
    if (!quiet) progress.show(done);
    return stop_signal().load() == 0;
  };
  const PackResult result = write_pack(data, out, options);
  say_damaged(any, "left out");
  if (!result.complete) {
    std::fprintf(stderr, "mvmoe: stopped by a signal: no pack was written\n");
    return 130;
  }
  if (json) print_json({{"images", result.images}, {"skipped", result.skipped}, {"bytes", result.bytes}});
  else
    std::printf("%d images packed in %s (%.1f MiB), %d left out\n", result.images, printable(out).c_str(),
                static_cast<double>(result.bytes) / (1 << 20), result.skipped);
  return 0;
}

}  // namespace mvmoe
