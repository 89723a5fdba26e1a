#include "train/data/dataset.h"

#include <string_view>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/nearest.h"
#include "train/data/fractals.h"
#include "train/data/readers.h"

namespace mvmoe {
namespace {

using Path = std::filesystem::path;

struct Kind {
  std::string_view name;
  std::string_view where;  // what must follow the colon (`DIR`); empty if nothing may
  DataSet (*load)(const Path& path, bool strict, Wanted wanted);
  bool may_stand_alone = false;  // true: the colon and what follows may be left out
  std::string usage() const {
    if (where.empty()) return std::string(name);
    return may_stand_alone ? text(name, "[:", where, "]") : text(name, ":", where);
  }
};

constexpr Kind kinds[] = {
    {"glyphs", "", [](const Path&, bool, Wanted) { return load_glyphs(); }},
    {"cifar10", "DIR", [](const Path& folder, bool, Wanted) { return load_cifar10(folder); }},
    {"cifar100", "DIR", [](const Path& folder, bool, Wanted) { return load_cifar100(folder); }},
    {"mnist", "DIR", [](const Path& folder, bool, Wanted) { return load_mnist(folder); }},
    {"folder", "DIR", load_folder},
    {"pack", "FILE", [](const Path& file, bool strict, Wanted) { return load_pack(file, strict); }},
    {"fractals", "KEY=VALUE,..", [](const Path& words, bool, Wanted) { return load_fractals(words.string()); }, true},
};

const Kind* find(const std::string& name) {
  for (const Kind& kind : kinds)
    if (kind.name == name) return &kind;
  return nullptr;
}

std::string place_of(const std::string& spec) {
  return spec.find(':') == std::string::npos ? "" : spec.substr(spec.find(':') + 1);
}

[[noreturn]] void fail_unknown(const std::string& spec, const std::string& name) {
  std::vector<std::string> names;
  std::string all, meant;
  for (const Kind& kind : kinds) {
    names.emplace_back(kind.name);
    all += (all.empty() ? "" : ", ") + kind.usage();
  }
  const std::string near = nearest(name, names);
  for (const Kind& kind : kinds)
    if (kind.name == near) meant = ": did you mean " + kind.usage() + "?";
  fail_usage("--data: '", printable(spec), "' is of no known kind", meant, " (", all, ")");
}

}  // namespace

void interleave(const std::uint8_t* planes, int channels, int side, Image& to) {
  const std::size_t pixels = static_cast<std::size_t>(side) * static_cast<std::size_t>(side),
                    stride = channels == 1 ? 0 : pixels;
  to.width = to.height = side;
  to.rgb.resize(3 * pixels);
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t c = 0; c < 3; ++c) to.rgb[3 * p + c] = planes[c * stride + p];
}

Image image_of(const ImageSet& set, int index) {
  if (set.read) return set.read(index);
  std::vector<std::uint8_t> drawn;
  Image image;
  interleave(set.image(index, drawn), set.channels, set.side, image);
  return image;
}

std::string kind_of(const std::string& spec) { return spec.substr(0, spec.find(':')); }

std::uint32_t crc32_of(const ImageSet& set) {
  return crc32_of({reinterpret_cast<const std::uint8_t*>(set.labels.data()), set.labels.size() * sizeof(int)},
                  set.read || set.draw ? set.crc32 : crc32_of(set.pixels));
}

void check_spec(const std::string& spec) {
  const std::string place = place_of(spec);
  const Kind* const kind = find(kind_of(spec));
  if (!kind) fail_unknown(spec, kind_of(spec));
  if (kind->name == "fractals") parse_fractals(place);
  if (!kind->where.empty() && !kind->may_stand_alone && place.empty())
    fail_usage("--data: '", printable(spec), "' names no ", kind->where == "FILE" ? "file" : "folder", ": ",
               kind->usage());
  if (kind->where.empty() && spec != kind->name)
    fail_usage("--data: '", printable(spec), "': ", kind->name, " takes no folder");
}

DataSet load_dataset(const std::string& spec, bool strict, Wanted wanted) {
  check_spec(spec);
  const Kind& kind = *find(kind_of(spec));
  const std::string place = place_of(spec);
  std::error_code error;
  if (kind.where == "DIR" && !std::filesystem::is_directory(place, error))
    fail(printable(place), ": ", error ? error.message() : "Not a directory", " (--data ", kind.usage(), ")");
  DataSet data = kind.load(place, strict, wanted);
  data.spec = spec;
  return data;
}

void require_training_images(const DataSet& data) {
  if (data.train.size() == 0)
    fail("--data: ", printable(data.spec),
         " has no training images: there must be train/CLASS/ with images beside val/CLASS/");
}

void require_test_images(const DataSet& data) {
  if (data.test.size() == 0)
    fail("--data: ", printable(data.spec), " has no test images: there must be val/CLASS/ with images");
}

}  // namespace mvmoe
