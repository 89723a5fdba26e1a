// tools/mvmoe/predict.cpp: `mvmoe predict`.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/error.h"
#include "engine/files.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/explanations.h"
#include "tools/mvmoe/options.h"
#include "tools/mvmoe/weights_options.h"
#include "train/data/image_names.h"
#include "train/data/readers.h"
#include "train/evaluate/predict.h"

namespace mvmoe {
namespace {

using Json = nlohmann::ordered_json;

constexpr int shown_classes = 5;

// The names on the command line, one after the other: a folder stands for its images, "-" for what stdin says. Nothing
// is read ahead, so predictions begin while a long list is still being written.
class Names {
 public:
  Names(std::vector<std::string> words, char separator) : words_(std::move(words)), separator_(separator) {}

  // At most `count` more; none: that is all.
  std::vector<std::string> next(std::size_t count) {
    std::vector<std::string> names;
    for (std::string name; names.size() < count && next(name);) names.push_back(name);
    return names;
  }

 private:
  bool next(std::string& name) {
    for (;;) {
      if (at_in_folder_ < folder_.size()) return name = folder_[at_in_folder_++], true;
      if (reading_stdin_) {
        while (std::getline(std::cin, name, separator_)) {
          if (std::exchange(first_line_, false)) name = without_mark(name);
          if (!name.empty()) return true;
        }
        reading_stdin_ = false;
      }
      if (at_ == words_.size()) return false;
      name = words_[at_++];
      std::error_code ignored;
      if (name == "-") reading_stdin_ = true;
      else if (std::filesystem::is_directory(name, ignored)) open_folder(name);
      else return true;
    }
  }

  void open_folder(const std::string& name) {
    folder_ = images_in_folder(name);
    at_in_folder_ = 0;
    if (folder_.empty()) fail(printable(name), ": no image (", read_endings, ") in this folder");
  }

  const std::vector<std::string> words_;
  const char separator_;
  std::size_t at_ = 0, at_in_folder_ = 0;
  std::vector<std::string> folder_;
  bool reading_stdin_ = false, first_line_ = true;
};

// Which super-class the most probable class belongs to; nothing where there are none.
std::optional<int> superclass_of(const ModelDescription& d, const std::vector<ClassProbability>& top) {
  if (d.superclass_of.empty()) return {};
  return d.superclass_of[static_cast<std::size_t>(top[0].label)];
}

Json to_json(const Prediction& p, const ModelDescription& d, const std::string& explanation, bool with_logits) {
  const std::vector<ClassProbability> top = most_probable(p.logits, shown_classes);
  const auto superclass = superclass_of(d, top);
  Json json{{"file", p.file},
            {"top", Json::array()},
            {"superclass", superclass ? Json(*superclass) : Json(nullptr)},
            {"experts", d.model.moe.experts > 0 ? Json::array() : Json(nullptr)},
            {"explanation", explanation.empty() ? Json(nullptr) : Json(explanation)},
            {"explanation_range", explanation.empty() ? Json(nullptr) : Json{p.explanation.least, p.explanation.most}}};
  for (const ClassProbability& one : top)
    json["top"].push_back(
        {{"class", d.classes[static_cast<std::size_t>(one.label)]}, {"probability", one.probability}});
  for (const UsedExpert& one : p.experts) json["experts"].push_back({{"index", one.index}, {"gate", one.gate}});
  if (with_logits) json["logits"] = p.logits;
  return json;
}

void print(const Prediction& p, const ModelDescription& d, const std::string& explanation, bool with_logits) {
  const std::vector<ClassProbability> top = most_probable(p.logits, shown_classes);
  std::printf("%s\n", printable(p.file).c_str());
  for (const ClassProbability& one : top)
    std::printf("  %6.2f %%  %s\n", 100 * static_cast<double>(one.probability),
                printable(d.classes[static_cast<std::size_t>(one.label)]).c_str());
  if (const auto superclass = superclass_of(d, top)) std::printf("  super-class %d\n", *superclass);
  for (std::size_t i = 0; i < p.experts.size(); ++i)
    std::printf("%s%d (gate %.3f)%s", i == 0 ? "  experts: " : ", ", p.experts[i].index,
                static_cast<double>(p.experts[i].gate), i + 1 == p.experts.size() ? "\n" : "");
  if (!explanation.empty())
    std::printf("  looked at: %s (its patches: %.2f to %.2f times their mean share)\n", printable(explanation).c_str(),
                static_cast<double>(p.explanation.least), static_cast<double>(p.explanation.most));
  if (!with_logits) return;
  std::printf("  logits:");
  for (const float logit : p.logits) std::printf(" %.9g", static_cast<double>(logit));
  std::printf("\n");
}

}  // namespace

int predict_command(const Words& words) {
  WeightsOptions given;
  ThreadOptions threads;
  threads.lane_size = 1;  // so that what is said of an image hangs on no other, however it is routed
  std::vector<std::string> images;
  std::string explain;
  bool json = false, logits = false;
  Flags flags("predict --weights FILE IMAGE... [flags]",
              "The most probable classes of images, and the experts that saw them. IMAGE is a JPEG or PNG file, a "
              "folder of them, or - for names on stdin, a line a name; -0 for names that end in a zero byte, as find "
              "-print0 writes them.");
  flags.add_positional("IMAGE", images, "files, folders, - or -0");
  given.declare(flags);
  flags.add("logits", logits, "what the network says of every class, too");
  flags.add("explain", explain,
            "write what the network looked at, attention rollout over each image as it saw it: a folder, or a PNG for "
            "one image",
            "PATH");
  threads.declare_for_inference(flags);
  flags.add("json", json, "results as one JSON object in the last line of stdout");
  given.declare_what_may_be_said(flags);

  Words readable = words;
  const auto end_of_flags = std::find(readable.begin(), readable.end(), "--");  // behind it, -0 is a file's name
  const auto zero = std::find(readable.begin(), end_of_flags, "-0");
  const char separator = zero == end_of_flags ? '\n' : '\0';
  if (zero != end_of_flags) *zero = "-";
  if (!flags.parse(readable)) return 0;
  flags.require("weights");
  if (images.empty())
    fail_usage("no image is named: mvmoe predict --weights FILE IMAGE... (a file, a folder, or - for names on stdin)");

  if (flags.given("explain") && explain.empty())
    fail_usage("--explain: is empty, must be a folder, or a name that ends in .png");
  const LoadedModel loaded = given.load(ReadExperts::when_used);  // of many, few images need few
  const ModelDescription& description = loaded.description;
  Explanations explanations(explain, images);
  Lanes lanes(loaded.model->parameters(), threads.lanes(), threads.kernels_to_run());
  const Panels panels(loaded.model->parameters(), lanes.threads());
  Names names(images, separator);
  Json predictions = Json::array();
  bool all = true;
  const auto at_once = static_cast<std::size_t>(4 * lanes.config().threads * lanes.config().lane_size);
  for (std::vector<std::string> files; !(files = names.next(at_once)).empty();) {
    for (const Prediction& p :
         predict(*loaded.model, files, description.preprocessing, lanes, &panels, explanations.wanted())) {
      const std::string explanation =
          explanations.wanted() && p.error.empty() ? explanations.write(p.file, p.explanation.picture) : "";
      if (!p.error.empty()) std::fprintf(stderr, "mvmoe: %s\n", printable(p.error).c_str());
      else if (json) predictions.push_back(to_json(p, description, explanation, logits));
      else print(p, description, explanation, logits);
      all = all && p.error.empty();
    }
    if (std::fflush(stdout) != 0) break;  // nobody reads on; main says so
  }
  if (json) print_json({{"predictions", predictions}});
  return all ? 0 : 1;
}

}  // namespace mvmoe
