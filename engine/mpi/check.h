// engine/mpi/check.h: turns an error code of the MPI library into an exception.
#pragma once
#include <mpi.h>

#include <string>

#include "engine/error.h"

namespace mvmoe {

// Throws Error if `code` is not MPI_SUCCESS. `what` names the call that failed.
inline void check_mpi(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  char reason[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, reason, &length);
  fail("MPI: ", what, ": ", std::string(reason, static_cast<std::size_t>(length)));
}

}  // namespace mvmoe
