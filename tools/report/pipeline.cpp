#include "tools/report/pipeline.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "train/superclass/class_names.h"
#include "train/superclass/confusion_csv.h"
#include "train/superclass/division_file.h"

namespace mvmoe::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// The members of a JSON object, each of the kind that is asked for, or an error that names file and member.
class Fields {
 public:
  Fields(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object()) fail(where_, " must be an object");
  }
  const Json& at(const char* key) const {
    if (!json_.contains(key)) fail(where_, ": ", key, " is missing");
    return json_[key];
  }
  bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }
  double number(const char* key) const {
    if (!at(key).is_number()) fail(where_, ": ", key, " must be a number");
    return at(key).get<double>();
  }
  double number(const char* key, double lowest, double highest) const {
    const double value = number(key);
    if (!(value >= lowest && value <= highest))
      fail(where_, ": ", key, " is ", at(key).dump(), ", must be from ", lowest, " to ", highest);
    return value;
  }
  std::optional<double> number_or_none(const char* key, double lowest, double highest) const {
    return has(key) ? std::optional(number(key, lowest, highest)) : std::nullopt;
  }
  int whole(const char* key, int lowest, int highest) const {
    const double value = number(key);
    if (!at(key).is_number_integer() || value < lowest || value > highest)
      fail(where_, ": ", key, " is ", at(key).dump(), ", must be a whole number from ", lowest, " to ", highest);
    return static_cast<int>(value);
  }
  std::string string(const char* key) const {
    if (!at(key).is_string()) fail(where_, ": ", key, " must be a string");
    return at(key).get<std::string>();
  }
  template <class Value>
  std::vector<Value> list(const char* key, std::size_t size, double lowest, double highest) const {
    const Json& values = at(key);
    if (!values.is_array() || values.size() != size) fail(where_, ": ", key, " must be a list of ", size);
    for (const Json& value : values) {
      const bool right = std::is_integral_v<Value> ? value.is_number_integer() : value.is_number();
      if (!right || value.get<double>() < lowest || value.get<double>() > highest)
        fail(where_, ": ", key, " holds ", value.dump(-1, ' ', false, Json::error_handler_t::replace),
             ", must hold numbers from ", lowest, " to ", highest);
    }
    return values.get<std::vector<Value>>();
  }
  Fields part(const char* key) const { return {at(key), where_ + ": " + key}; }
  const std::string& where() const { return where_; }

 private:
  const Json& json_;
  std::string where_;
};

ModelFigures figures(const Fields& f) {
  const auto above_zero = [&](const char* key) { return f.number(key, 1e-9, 1e18); };  // they are divided by
  return {.top1 = f.number("top1", 0, 100),
          .top5 = f.number("top5", 0, 100),
          .macs = above_zero("macs"),
          .executed_macs = above_zero("executed_macs"),
          .ms = above_zero("ms"),
          .params = above_zero("params"),
          .active_params = above_zero("active_params")};
}

std::vector<std::string> strings(const Fields& f, const char* key) {
  try {
    return f.at(key).get<std::vector<std::string>>();
  } catch (const Json::exception&) {
    fail(f.where(), ": ", key, " must be a list of names");
  }
}

Matrix read_expert_of_class(const Fields& f, int classes, int experts) {
  const Json& rows = f.at("expert_of_class");
  if (!rows.is_array() || rows.size() != static_cast<std::size_t>(classes))
    fail(f.where(), ": expert_of_class must be a list of ", classes, " lists");
  Matrix out(classes, experts);
  out.values.clear();
  for (const Json& row : rows) {
    const Json wrapped{{"expert_of_class", row}};
    for (const double images :
         Fields(wrapped, f.where()).list<double>("expert_of_class", static_cast<std::size_t>(experts), 0, 1e12))
      out.values.push_back(images);
  }
  return out;
}

Comparison read_comparison(const fs::path& file) {
  constexpr int most = 1'000'000;
  const Json json = read_json(file, std::size_t{256} << 20);
  const Fields f(json, printable(file.string()));
  Comparison c{.data = f.string("data"),
               .model = f.string("model"),
               .routing = f.string("routing"),
               .processor = f.string("processor"),
               .init_from = f.has("init_from") ? f.string("init_from") : "",
               .epochs = f.whole("epochs", 0, most),
               .experts = f.whole("experts", 1, most),
               .moe_layers = f.whole("moe_layers", 1, most),
               .top_k = f.whole("top_k", 1, most),
               .classes = strings(f, "classes"),
               .superclass_of = {},
               .dense = figures(f.part("dense")),
               .moe = figures(f.part("moe")),
               .control = {},
               .router_accuracy = f.part("moe").number_or_none("router_accuracy", 0, 100),
               .oracle_top1 = f.number_or_none("oracle_top1", 0, 100),
               .random_router_top1 = f.number_or_none("random_router_top1", 0, 100),
               .ari = f.number_or_none("ari", -1, 1.001),
               .nmi = f.number_or_none("nmi", -0.001, 1.001),
               .gain = f.number("gain", -100, 100),
               .gain_error = f.number("gain_error", 0, 100),
               .expert_load = {},
               .expert_of_class = {},
               .misrouted = {},
               .verdict = {}};
  if (f.has("verdict")) {
    if (!f.at("verdict").is_array()) fail(f.where(), ": verdict must be a list");
    for (const Json& reason : f.at("verdict"))
      c.verdict.push_back(Fields(reason, f.where() + ": verdict").string("text"));
  }
  const int classes = static_cast<int>(c.classes.size());
  if (classes < 1) fail(f.where(), ": classes is empty");
  c.superclass_of = f.list<int>("superclass_of", c.classes.size(), 0, c.experts - 1);
  if (f.has("control")) c.control = figures(f.part("control"));
  if (f.part("moe").has("expert_load"))
    c.expert_load = f.part("moe").list<double>("expert_load", static_cast<std::size_t>(c.experts), 0, 100.001);
  if (f.has("expert_of_class")) c.expert_of_class = read_expert_of_class(f, classes, c.experts);
  if (!f.has("misrouted")) return c;
  if (!f.at("misrouted").is_array()) fail(f.where(), ": misrouted must be a list");
  for (const Json& one : f.at("misrouted")) {
    const Fields m(one, f.where() + ": misrouted");
    c.misrouted.push_back({.index = m.whole("index", 0, std::numeric_limits<int>::max()),
                           .true_class = m.whole("class", 0, classes - 1),
                           .expert = m.whole("expert", 0, c.experts - 1),
                           .predicted = m.whole("predicted", 0, classes - 1),
                           .probability = m.number("probability", 0, 1.001)});
  }
  return c;
}

void turn_rows_into_percent(Matrix& m) {
  for (int r = 0; r < m.rows; ++r) {
    double sum = 0;
    for (int c = 0; c < m.columns; ++c) sum += m.at(r, c);
    for (int c = 0; c < m.columns && sum > 0; ++c) m.at(r, c) *= 100 / sum;
  }
}

void count_images(Pipeline& p) {
  const Matrix& counts = p.comparison.expert_of_class;  // [C, E]
  const double all = std::accumulate(counts.values.begin(), counts.values.end(), 0.0);
  if (!(all > 0)) return;
  p.image_shares.resize(static_cast<std::size_t>(p.comparison.experts));
  for (int c = 0; c < counts.rows; ++c)
    for (int e = 0; e < counts.columns; ++e)
      p.image_shares[static_cast<std::size_t>(p.superclass_of(c))] += counts.at(c, e) / all;
}

void find_images(Pipeline& p) {
  try {
    DataSet data = load_dataset(p.comparison.data, false, Wanted::test);
    const int size = data.test.size();
    const bool fits =
        difference(data.classes, p.classes).empty() &&
        std::all_of(p.comparison.misrouted.begin(), p.comparison.misrouted.end(), [&](const Misrouted& m) {
          return m.index < size && data.test.labels[static_cast<std::size_t>(m.index)] == m.true_class;
        });
    if (fits) p.images = std::move(data.test);
    else p.why_no_images = printable(p.comparison.data) + ": is another data set than the one that was trained on";
  } catch (const Error& e) {  // the report is of the run; the data set may be gone by now
    p.why_no_images = e.what();
  }
}

}  // namespace

bool holds_pipeline(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "comparison.json", ignored) || fs::is_directory(folder / "dense", ignored);
}

Pipeline read_pipeline(const fs::path& folder, const std::string& name) {
  Pipeline p;
  p.name = name;
  p.dense = read_training(folder / "dense", "dense");
  p.moe = read_training(folder / "moe", "experts");
  p.comparison = read_comparison(folder / "comparison.json");
  if (p.comparison.control) p.control = read_training(folder / "control", "dense, trained on");

  const fs::path confusion_file = folder / "confusion.csv", division_file = folder / "superclasses.json";
  Confusion confusion = read_confusion(confusion_file);
  if (!difference(confusion.classes, p.comparison.classes).empty())
    fail(printable(confusion_file.string()),
         ": its classes are not those of comparison.json: run mvmoe pipeline again");
  p.classes = std::move(confusion.classes);
  p.confusion = std::move(confusion.matrix);
  turn_rows_into_percent(p.confusion);

  SuperClasses division = read_superclasses(division_file, p.classes, p.comparison.experts);
  // Numbered anew: a division whose super-classes only stand in another order is the same.
  if (numbered_by_lowest_class(division.of_class) != numbered_by_lowest_class(p.comparison.superclass_of))
    fail(printable(division_file.string()),
         ": is not the division that the experts were trained for: run mvmoe pipeline again");
  p.members.resize(static_cast<std::size_t>(p.comparison.experts));
  for (int c = 0; c < p.class_count(); ++c) p.members[static_cast<std::size_t>(p.superclass_of(c))].push_back(c);
  for (const auto& classes : p.members) p.order.insert(p.order.end(), classes.begin(), classes.end());
  p.eigenvalues = std::move(division.eigenvalues);
  p.method = std::move(division.method);
  count_images(p);
  find_images(p);
  return p;
}

}  // namespace mvmoe::report
