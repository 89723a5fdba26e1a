// engine/error.h: errors as one line that a user can act on.
//
// The engine throws; only the command line (tools/mvmoe/main.cpp) turns an error into a line and an exit code.
#pragma once
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>

namespace mvmoe {

// The work could not be done: a damaged file, a full disk, shapes that do not fit (exit code 1).
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What was asked for is wrong, before any work began: a flag, or a flag against a file (exit code 2).
struct UsageError : Error {
  using Error::Error;
};

// The parts one behind the other. Numbers as in C, whatever locale the program that uses the library has chosen: what
// is made here is read again, too (headers of files, log.csv).
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(text(parts...));
}

template <class... Parts>
[[noreturn]] void fail_usage(const Parts&... parts) {
  throw UsageError(text(parts...));
}

}  // namespace mvmoe
