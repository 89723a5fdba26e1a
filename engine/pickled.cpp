#include "engine/pickled.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace mvmoe {
namespace {

// Quotes a word for a shell.
std::string quoted(const std::string& word) {
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

}  // namespace

bool looks_pickled(const std::filesystem::path& path, std::span<const unsigned char> first_bytes) {
  constexpr std::array<unsigned char, 4> zip{'P', 'K', 3, 4};
  if (first_bytes.size() >= 4 && std::equal(zip.begin(), zip.end(), first_bytes.begin())) return true;
  if (first_bytes.size() >= 2 && first_bytes[0] == 0x80 && first_bytes[1] >= 2 && first_bytes[1] <= 5)
    return true;  // pickle's protocols
  const std::string ending = path.extension().string();
  return ending == ".pt" || ending == ".pth" || ending == ".bin" || ending == ".ckpt" || ending == ".pkl";
}

// weights_only loads tensors and plain containers, no code. The file is a dictionary of tensors, or has one as an
// entry.
std::string pickled_advice(const std::filesystem::path& path) {
  const std::filesystem::path converted = std::filesystem::path(path).replace_extension(".safetensors");
  return "is pickled: it may run code when it is opened, and is not read. Convert it with: python3 -c \"import "
         "sys,torch,safetensors.torch as s; "
         "d=torch.load(sys.argv[1],'cpu',weights_only=True); d=d.get('model',d.get('state_dict',d)); "
         "s.save_file({k:v.clone().contiguous() for k,v in d.items()},sys.argv[2])\" " +
         quoted(path.string()) + " " + quoted(converted.string());
}

}  // namespace mvmoe
