// engine/error.h: an error is one line that tells the user what to change.
//
// The engine throws; only the command line (tools/mvmoe/main.cpp) turns an error into a line and an exit code.
#pragma once
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>

namespace mvmoe {

// The work failed: a damaged file, a full disk, shapes that do not fit (exit code 1).
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The command line is wrong: a flag, or a flag that contradicts a file. Thrown before any work begins (exit code 2).
struct UsageError : Error {
  using Error::Error;
};

// The parts joined to one string. Numbers are written in C's locale, whatever locale the program has chosen: the text
// is also read again by programs (file headers, log.csv).
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
