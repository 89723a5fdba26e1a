// tools/mvmoe/superclasses.cpp: `mvmoe superclasses`.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/options.h"
#include "train/data/dataset.h"
#include "train/log/progress_bar.h"
#include "train/superclass/class_names.h"
#include "train/superclass/confusion_csv.h"
#include "train/superclass/division_file.h"
#include "train/superclass/score.h"
#include "train/superclass/spectral.h"

namespace mvmoe {
namespace {

struct Options {
  std::string confusion, out, method = "spectral", file, data;
  int experts = 0, max_size = 0;
  std::uint64_t seed = 0;
  bool json = false, quiet = false;
};

bool parse(const Words& words, Options& o) {
  Flags flags("superclasses --confusion FILE.csv --experts E --out FILE.json [flags]",
              "Divides the classes into super-classes of such as are taken for one another, one for each expert.");
  flags.add("confusion", o.confusion, "a matrix that mvmoe confusion wrote", "FILE");
  flags.add("experts", o.experts, "how many super-classes; must be given", 1);
  flags.add("out", o.out, "the super-classes as JSON, to be read and edited; a file that is there is replaced", "FILE");
  flags.add_choice("method", o.method, "cluster the confusion graph, draw by seed, or read --file",
                   {"spectral", "random", "file"});
  flags.add("max-size", o.max_size, "classes in a super-class, at most (0: no bound)");
  flags.add("seed", o.seed, "of what is drawn: where k-means starts, or the random division");
  flags.add("file", o.file, "for --method file: a super-class file", "FILE");
  flags.add("data", o.data,
            "a data set of the same classes: where it has known coarse labels (cifar100:DIR), the score against them",
            "SPEC");
  flags.add("quiet", o.quiet, "no progress on stderr");
  flags.add("json", o.json, "results as one JSON object in the last line of stdout");
  if (!flags.parse(words)) return false;
  for (const char* name : {"confusion", "experts", "out"}) flags.require(name);
  if (o.method == "file") flags.require("file");
  else if (flags.given("file")) fail_usage("--file: needs --method file, is ", o.method);
  if (o.method == "file" && o.max_size) fail_usage("--max-size: with --method file the sizes are the file's");
  std::error_code ignored;
  if (std::filesystem::equivalent(o.confusion, o.out, ignored))
    fail_usage("--out: ", printable(o.out), " is the --confusion file");
  return true;
}

SuperClasses divided(const Options& o, const Confusion& confusion) {
  check_division(static_cast<int>(confusion.classes.size()), o.experts, o.max_size);
  if (o.method == "random") return random_division(confusion.classes, o.experts, o.seed);
  if (o.method == "spectral") {
    if (nothing_is_confused(confusion))
      std::fprintf(stderr,
                   "mvmoe: %s: no class is ever taken for another, so nothing says which belong together: the division "
                   "is arbitrary (--kind soft says more where few images are held out)\n",
                   printable(o.confusion).c_str());
    ProgressBar bar(ProgressBar::mode_for_stderr(o.quiet), 1);
    return spectral_division(confusion, o.experts, o.max_size, o.seed, [&](int run, int of) {
      bar.show(WorkLine{"k-means, start", run, of});
    });
  }
  SuperClasses division = read_superclasses(o.file, confusion.classes, o.experts);
  division.method = "file";
  return division;
}

// Against the data's own coarse labels; none where it has none.
struct Scores {
  std::optional<double> ari, nmi;
};

Scores scores_against(const Options& o, const SuperClasses& division) {
  if (o.data.empty()) return {};
  const DataSet data = load_dataset(o.data);
  if (const std::string wrong = difference(division.classes, data.classes); !wrong.empty())
    fail_usage("--confusion: ", printable(o.confusion), " does not have the classes of --data ", printable(o.data),
               ": ", wrong);
  if (data.coarse_of_class.empty()) return {};
  return {adjusted_rand_index(division.of_class, data.coarse_of_class),
          normalised_mutual_information(division.of_class, data.coarse_of_class)};
}

std::size_t columns_of(const std::string& text) {  // on a terminal: UTF-8's continuation bytes take none
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// One super-class a paragraph: number, size, and its classes folded at 100 columns.
void print_members(const SuperClasses& division) {
  constexpr std::size_t indent = 18, width = 100;
  const auto members = division.members();
  for (std::size_t s = 0; s < members.size(); ++s) {
    std::printf("%3zu  %4zu class%s ", s, members[s].size(), members[s].size() == 1 ? "  " : "es");
    std::size_t column = indent;
    for (std::size_t i = 0; i < members[s].size(); ++i) {
      const std::string& name = division.classes[members[s][i]];
      const bool plain =
          !name.empty() && name.find(',') == std::string::npos && name.front() != ' ' && name.back() != ' ';
      const std::string shown = (plain ? printable(name) : in_quotes(name)) + (i + 1 < members[s].size() ? "," : "");
      if (column > indent && column + 1 + columns_of(shown) > width) {
        std::printf("\n%*s", static_cast<int>(indent), "");
        column = indent;
      }
      std::printf(" %s", shown.c_str());
      column += 1 + columns_of(shown);
    }
    std::printf("\n");
  }
}

void print_eigenvalues(const std::vector<double>& values, int experts) {
  const int shown = std::min(static_cast<int>(values.size()), std::max(20, 2 * experts));
  double largest = 0;
  for (int e = 1; e <= shown; ++e) largest = std::max(largest, eigengap(values, e).value_or(0));
  std::printf("\n    E  eigenvalue  gap to the next (>: --experts)\n");
  for (int e = 1; e <= shown; ++e) {
    const std::optional<double> gap = eigengap(values, e);
    const int bar = largest > 0 && gap ? static_cast<int>(40 * *gap / largest + 0.5) : 0;
    const char chosen = e == experts ? '>' : ' ';
    if (gap)
      std::printf("%c %3d  %10.4f  %.4f %s\n", chosen, e, values[e - 1], *gap,
                  std::string(static_cast<std::size_t>(bar), '#').c_str());
    else std::printf("%c %3d  %10.4f\n", chosen, e, values[e - 1]);
  }
  if (shown < static_cast<int>(values.size())) std::printf("       (the first %d of %zu)\n", shown, values.size());
  if (const auto suggested = suggested_experts(values))
    std::printf("the largest gap from E = 2 on is at E = %d: there the graph falls apart most clearly\n", *suggested);
}

}  // namespace

int superclasses_command(const Words& words) {
  Options o;
  if (!parse(words, o)) return 0;
  const Confusion confusion = read_confusion(o.confusion);
  const SuperClasses division = divided(o, confusion);
  const Scores scores = scores_against(o, division);
  write_superclasses(o.out, division);

  const std::vector<int> sizes = division.sizes();
  if (o.json) {
    using Json = nlohmann::ordered_json;
    const auto or_null = [](const std::optional<double>& x) { return x ? Json(*x) : Json(nullptr); };
    print_json({{"sizes", sizes},
                {"eigenvalues", division.eigenvalues.empty() ? Json(nullptr) : Json(division.eigenvalues)},
                {"eigengap", or_null(eigengap(division.eigenvalues, division.count))},
                {"ari", or_null(scores.ari)},
                {"nmi", or_null(scores.nmi)}});
    return 0;
  }
  const auto [smallest, largest] = std::minmax_element(sizes.begin(), sizes.end());
  std::printf("%d super-classes of %zu classes (%s), sizes %d to %d\n\n", division.count, division.classes.size(),
              o.method.c_str(), *smallest, *largest);
  print_members(division);
  if (!division.eigenvalues.empty()) print_eigenvalues(division.eigenvalues, division.count);
  if (scores.ari)
    std::printf("\nagainst the data's coarse labels: adjusted Rand index %.4f, normalised mutual information %.4f\n",
                *scores.ari, *scores.nmi);
  std::printf("\nwritten to %s\n", printable(o.out).c_str());
  return 0;
}

}  // namespace mvmoe
