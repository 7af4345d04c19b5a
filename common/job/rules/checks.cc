#include "common/job/rules/checks.h"

#include "absl/strings/str_split.h"

namespace hawser {
namespace {

constexpr size_t kMaxPathBytes = 4096;

}  // namespace

absl::Status CheckRange(absl::string_view field, double value, double lowest,
                        double limit) {
  if (value >= lowest && value < limit) return absl::OkStatus();
  return Broken(field, " is ", value, "; it must be at least ", lowest,
                " and below ", limit);
}

absl::Status CheckEnum(absl::string_view field, bool is_valid, int value) {
  if (is_valid) return absl::OkStatus();
  return Broken(field, " is ", value, ", which has no name; write a name");
}

absl::Status CheckNotNegative(absl::string_view field, double value) {
  if (value >= 0 && value <= kMostNumber) return absl::OkStatus();
  return Broken(field, " is ", value, "; it must be a number from 0 to ",
                kMostNumber);
}

absl::Status CheckUpTo(absl::string_view field, double value, double most) {
  if (value >= 0 && value <= most) return absl::OkStatus();
  return Broken(field, " is ", value, "; it must be a number from 0 to ", most);
}

absl::Status CheckPath(absl::string_view field, const std::string& path) {
  if (path.size() > kMaxPathBytes || path.find('\0') != std::string::npos) {
    return Broken(field, " is not a path");
  }
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part == "..") {
      return Broken(field, " is ", path, "; it must not contain \"..\"");
    }
  }
  return absl::OkStatus();
}

}  // namespace hawser
