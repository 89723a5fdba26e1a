// engine/pickled.h: files that PyTorch pickled, which run code when they are opened: told apart, never opened.
#pragma once
#include <filesystem>
#include <span>
#include <string>

namespace mvmoe {

// Whether a file that is no safetensors file looks like one of these: by its first bytes (a zip archive, a pickle), or
// by its name (.pt, .pth, .bin, .ckpt, .pkl).
bool looks_pickled(const std::filesystem::path& path, std::span<const unsigned char> first_bytes);

// What to say of it, behind the name: why it is not read, and the command that makes a safetensors file of it without
// running what is in it.
std::string pickled_advice(const std::filesystem::path& path);

}  // namespace mvmoe
