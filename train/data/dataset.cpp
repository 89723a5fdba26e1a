#include "train/data/dataset.h"

#include "engine/error.h"
#include "engine/files.h"
#include "engine/nearest.h"
#include "train/data/readers.h"

namespace mvmoe {
namespace {

struct Kind {
  std::string name;
  DataSet (*load)(const std::filesystem::path& folder);  // null where it takes no folder
  std::string usage() const { return load ? name + ":DIR" : name; }
};

const Kind kinds[] = {{"glyphs", nullptr}, {"cifar10", load_cifar10}, {"cifar100", load_cifar100}, {"mnist", load_mnist}};

const Kind* find(const std::string& name) {
  for (const Kind& kind : kinds)
    if (kind.name == name) return &kind;
  return nullptr;
}

std::string folder_of(const std::string& spec) { return spec.find(':') == std::string::npos ? "" : spec.substr(spec.find(':') + 1); }

[[noreturn]] void fail_unknown(const std::string& spec, const std::string& name) {
  std::vector<std::string> names;
  std::string all, meant;
  for (const Kind& kind : kinds) {
    names.push_back(kind.name);
    all += (all.empty() ? "" : ", ") + kind.usage();
  }
  const std::string near = nearest(name, names);
  for (const Kind& kind : kinds)
    if (kind.name == near) meant = ": did you mean " + kind.usage() + "?";
  fail_usage("--data: '", printable(spec), "' is of no known kind", meant, " (", all, ")");
}

}  // namespace

std::string kind_of(const std::string& spec) { return spec.substr(0, spec.find(':')); }

std::uint32_t crc32_of(const ImageSet& set) {
  return crc32_of({reinterpret_cast<const std::uint8_t*>(set.labels.data()), set.labels.size() * sizeof(int)}, crc32_of(set.pixels));
}

void check_spec(const std::string& spec) {
  const std::string folder = folder_of(spec);
  const Kind* const kind = find(kind_of(spec));
  if (!kind) fail_unknown(spec, kind_of(spec));
  if (kind->load && folder.empty()) fail_usage("--data: '", printable(spec), "' names no folder: ", kind->usage());
  if (!kind->load && spec != kind->name) fail_usage("--data: '", printable(spec), "': ", kind->name, " takes no folder");
}

DataSet load_dataset(const std::string& spec) {
  check_spec(spec);
  const Kind& kind = *find(kind_of(spec));
  const std::string folder = folder_of(spec);
  std::error_code error;
  if (kind.load && !std::filesystem::is_directory(folder, error))
    fail(printable(folder), ": ", error ? error.message() : "Not a directory", " (--data ", kind.usage(), ")");
  DataSet data = kind.load ? kind.load(folder) : load_glyphs();
  data.spec = spec;
  return data;
}

}  // namespace mvmoe
