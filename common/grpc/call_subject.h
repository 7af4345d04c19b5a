// Which job or node a request or its answer is about, for the access log.
#ifndef HAWSER_COMMON_GRPC_CALL_SUBJECT_H_
#define HAWSER_COMMON_GRPC_CALL_SUBJECT_H_

#include "common/security/access_log.h"
#include "google/protobuf/message.h"

namespace hawser {

// Sets job and node of the entry from the fields `name`, `spec.name` and
// `node` of the message, where it has them.
void SetSubject(const google::protobuf::Message& message, AccessEntry* entry);

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_CALL_SUBJECT_H_
