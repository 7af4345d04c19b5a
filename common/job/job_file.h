// Reads a job file: protobuf text (.textproto, .pbtxt, .txtpb), JSON (.json) or
// YAML (.yaml, .yml).
#ifndef HAWSER_COMMON_JOB_JOB_FILE_H_
#define HAWSER_COMMON_JOB_JOB_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/job.pb.h"

namespace hawser {

enum class JobFileFormat { kProtobufText, kJson, kYaml };

// By the file name's extension. INVALID_ARGUMENT: none of the known ones.
absl::StatusOr<JobFileFormat> FormatOfPath(absl::string_view path);

// INVALID_ARGUMENT with "PATH:LINE: what is wrong" for anything that does not
// parse; an unknown field is an error that names it and its line.
absl::StatusOr<JobSpec> ParseJob(absl::string_view text, JobFileFormat format,
                                 absl::string_view path);

// Reads and parses; fills in an empty name from the file's base name.
// NOT_FOUND: no such file. Files over 1 MiB are refused.
absl::StatusOr<JobSpec> ReadJobFile(const std::string& path);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_JOB_FILE_H_
