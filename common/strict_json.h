// JSON from files that may be damaged or hostile: no exceptions, a limit on
// depth and size, and a name that stands twice in an object is an error (JSON
// libraries silently take the last one, and other programs the first).
#ifndef HAWSER_COMMON_STRICT_JSON_H_
#define HAWSER_COMMON_STRICT_JSON_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace hawser {

struct JsonLimits {
  size_t depth = 16;  // objects and arrays inside one another
  size_t values = 1 << 20;
};

// An object. INVALID_ARGUMENT: what is wrong, without the file's name.
absl::StatusOr<nlohmann::json> ParseJsonObject(absl::string_view text,
                                               const JsonLimits& limits = {});

}  // namespace hawser

#endif  // HAWSER_COMMON_STRICT_JSON_H_
