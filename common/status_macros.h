// RETURN_IF_ERROR(expr) and ASSIGN_OR_RETURN(lhs, expr): pass a failed
// absl::Status on to the caller.
#ifndef HAWSER_COMMON_STATUS_MACROS_H_
#define HAWSER_COMMON_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define HAWSER_CONCAT_INNER(a, b) a##b
#define HAWSER_CONCAT(a, b) HAWSER_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expr)                      \
  do {                                             \
    ::absl::Status hawser_status = (expr);         \
    if (!hawser_status.ok()) return hawser_status; \
  } while (false)

#define ASSIGN_OR_RETURN(lhs, expr) \
  HAWSER_ASSIGN_OR_RETURN(HAWSER_CONCAT(hawser_result_, __LINE__), lhs, expr)

#define HAWSER_ASSIGN_OR_RETURN(result, lhs, expr) \
  auto result = (expr);                            \
  if (!result.ok()) return result.status();        \
  lhs = *std::move(result)

#endif  // HAWSER_COMMON_STATUS_MACROS_H_
