// engine/comm_local.cpp: Comm in a build without MPI, which has one rank.
#include <algorithm>
#include <cstdlib>

#include "engine/comm.h"
#include "engine/error.h"
#include "engine/launcher.h"

namespace mvmoe {

struct Comm::Ranks {};

Comm::Comm() = default;
Comm::~Comm() = default;
Comm::Comm(Comm&&) noexcept = default;

Comm Comm::join(std::function<void(const std::string&)>) {
  if (const Launcher l = launcher(); l.tasks > 1)
    fail_usage("this build has no MPI, and the launcher started ", l.tasks, " of it (", l.variable,
               "): each would do the whole work; build with make MPI=1, or start one");
  return {};
}

Comm Comm::split(int) { return {}; }
bool Comm::has_mpi() { return false; }
std::string Comm::version() { return {}; }
int Comm::rank() const { return 0; }
int Comm::ranks() const { return 1; }

const std::string& Comm::name(int) const {
  static const std::string alone = "rank 0";
  return alone;
}

void Comm::set_timeout(int) {}
void Comm::sum(std::span<float>) {}
void Comm::sum(std::span<double>) {}
void Comm::compress_sums(Compression) {}
void Comm::start_sum(std::span<float>) {}
void Comm::proceed() {}
std::size_t Comm::finish_sums() { return 0; }
bool Comm::sums_under_way() const { return false; }
void Comm::broadcast(std::span<std::byte>) {}
void Comm::exchange(std::span<const float> from, std::span<const int> counts, std::span<float> to, std::span<const int>,
                    std::size_t record) {
  std::copy_n(from.data(), static_cast<std::size_t>(counts[0]) * record, to.data());
}
std::string Comm::broadcast(const std::string& text) { return text; }
std::vector<std::string> Comm::gather(const std::string& text) { return std::vector<std::string>{text}; }
std::optional<std::vector<std::string>> Comm::gather_at_end(const std::string& text, double) {
  return std::vector<std::string>{text};
}
double Comm::waited_s() const { return 0; }
void Comm::abort(int code) { std::_Exit(code); }

}  // namespace mvmoe
