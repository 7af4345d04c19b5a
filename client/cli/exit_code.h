// What the `hawser` command tells its caller.
#ifndef HAWSER_CLIENT_CLI_EXIT_CODE_H_
#define HAWSER_CLIENT_CLI_EXIT_CODE_H_

#include "absl/status/status.h"

namespace hawser {

enum ExitCode {
  kDone = 0,
  kJobFailed = 1,  // or an operation did
  kUsage = 2,      // bad flags, a bad job file
  kUnreachable = 3,
  kNotFound = 4,
  kRefused = 5,
  kTimedOut = 6,
  kInterrupted = 130,  // by Ctrl-C
};

inline ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kDone;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kAlreadyExists:
      return kUsage;
    case absl::StatusCode::kUnavailable:
      return kUnreachable;
    case absl::StatusCode::kNotFound:
      return kNotFound;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kRefused;
    case absl::StatusCode::kDeadlineExceeded:
      return kTimedOut;
    default:
      return kJobFailed;
  }
}

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_EXIT_CODE_H_
