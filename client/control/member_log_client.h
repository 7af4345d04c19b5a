// What members logged about jobs, as its writers and readers see it
// (proto/member_log.proto).
//
// Thread-safe. Every call has a deadline. UNAVAILABLE: nobody answers.
#ifndef HAWSER_CLIENT_CONTROL_MEMBER_LOG_CLIENT_H_
#define HAWSER_CLIENT_CONTROL_MEMBER_LOG_CLIENT_H_

#include "absl/status/statusor.h"
#include "proto/member_log.pb.h"

namespace hawser {

class MemberLogClient {
 public:
  virtual ~MemberLogClient() = default;

  virtual absl::StatusOr<AddLinesResponse> AddLines(
      const AddLinesRequest& request) = 0;
  virtual absl::StatusOr<GetLinesResponse> GetLines(
      const GetLinesRequest& request) = 0;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_CONTROL_MEMBER_LOG_CLIENT_H_
