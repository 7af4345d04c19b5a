// A parsed JSON or YAML file with the line of everything in it, and its way
// into a protobuf message.
#ifndef HAWSER_COMMON_JOB_DOCUMENT_H_
#define HAWSER_COMMON_JOB_DOCUMENT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace hawser {

struct DocumentNode {
  enum class Kind { kScalar, kList, kMap };
  struct Entry;

  Kind kind = Kind::kScalar;
  int line = 0;         // 1-based
  std::string text;     // of a scalar
  bool quoted = false;  // a scalar that can only be a string
  std::vector<DocumentNode> items;
  std::vector<Entry> entries;  // in the file's order, repetitions included
};

struct DocumentNode::Entry {
  std::string key;
  int line = 0;
  DocumentNode value;
};

// INVALID_ARGUMENT "PATH:LINE: ..." for anything that does not parse.
// YAML 1.2 is a superset of JSON, so that one parser reads both.
absl::StatusOr<DocumentNode> ParseDocument(absl::string_view text,
                                           absl::string_view path);

// Fills in the message. Field names as in the .proto file or in lowerCamelCase,
// enum values by name. INVALID_ARGUMENT "PATH:LINE: ..." names an unknown or
// repeated field, or a value that does not fit its field.
absl::Status FillMessage(const DocumentNode& document, absl::string_view path,
                         google::protobuf::Message* message);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_DOCUMENT_H_
