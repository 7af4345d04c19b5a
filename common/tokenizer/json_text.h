// JSON that others wrote: nesting is limited and no name stands twice.
#ifndef HAWSER_COMMON_TOKENIZER_JSON_TEXT_H_
#define HAWSER_COMMON_TOKENIZER_JSON_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace hawser {

// INVALID_ARGUMENT: not JSON, an object with the same name twice, or more than
// 32 levels.
absl::StatusOr<nlohmann::json> ParseJsonText(absl::string_view text);

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_JSON_TEXT_H_
