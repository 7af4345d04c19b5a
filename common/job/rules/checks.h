// Checks that the rules of a JobSpec are made of. Each returns INVALID_ARGUMENT
// that names the field, the value found and the values allowed.
#ifndef HAWSER_COMMON_JOB_RULES_CHECKS_H_
#define HAWSER_COMMON_JOB_RULES_CHECKS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace hawser {

template <typename... Parts>
absl::Status Broken(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// lowest <= value < limit and finite.
absl::Status CheckRange(absl::string_view field, double value, double lowest,
                        double limit);

// A number in text format that names no value of its enum.
absl::Status CheckEnum(absl::string_view field, bool is_valid, int value);

// Everything is computed in float32: what would overflow there is refused.
inline constexpr double kMostNumber = 1e30;

// 0 <= value <= kMostNumber.
absl::Status CheckNotNegative(absl::string_view field, double value);

// 0 <= value <= most.
absl::Status CheckUpTo(absl::string_view field, double value, double most);

// A path that stays below its root.
absl::Status CheckPath(absl::string_view field, const std::string& path);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_RULES_CHECKS_H_
