#include "tools/mvmoe/machine.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "engine/cores.h"

namespace mvmoe {

std::string processor_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown";
}

std::string pinning() {
  const std::vector<int> processors = allowed_processors();
  std::string out;
  for (std::size_t first = 0, next; first < processors.size(); first = next) {
    for (next = first + 1; next < processors.size() && processors[next] == processors[next - 1] + 1;) ++next;
    out += (out.empty() ? "" : ",") + std::to_string(processors[first]) +
           (next - first > 1 ? "-" + std::to_string(processors[next - 1]) : "");
  }
  return out;
}

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace mvmoe
