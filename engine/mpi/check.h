// engine/mpi/check.h: what the MPI library answers, as an error.
#pragma once
#include <mpi.h>

#include <string>

#include "engine/error.h"

namespace mvmoe {

// Throws Error, with what was wanted.
inline void check_mpi(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  char reason[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, reason, &length);
  fail("MPI: ", what, ": ", std::string(reason, static_cast<std::size_t>(length)));
}

}  // namespace mvmoe
