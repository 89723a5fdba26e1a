// engine/pickled.h: recognises files that PyTorch pickled. Opening one may run code, so this program never does.
#pragma once
#include <filesystem>
#include <span>
#include <string>

namespace mvmoe {

// True if a file, which is not a safetensors file, looks pickled: by its first bytes (a zip archive, a pickle), or by
// its name (.pt, .pth, .bin, .ckpt, .pkl).
bool looks_pickled(const std::filesystem::path& path, std::span<const unsigned char> first_bytes);

// The end of an error message, after the file's name: why the file is not read, and a command that converts it to
// safetensors without running code from it.
std::string pickled_advice(const std::filesystem::path& path);

}  // namespace mvmoe
