#include "common/security/bearer_token.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {
namespace {

constexpr size_t kMaxTokenBytes = 4096;
constexpr absl::Duration kLookAgain = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::unique_ptr<BearerToken>> BearerToken::Open(
    std::string path, const Clock* clock) {
  static const RealClock machine_clock;
  if (clock == nullptr) clock = &machine_clock;
  auto token = absl::WrapUnique(new BearerToken(std::move(path), clock));
  absl::MutexLock lock(&token->mutex_);
  token->looked_ = clock->Now();
  token->version_ = VersionOf(token->path_);
  ASSIGN_OR_RETURN(token->authorization_, Read(token->path_));
  return token;
}

absl::StatusOr<std::string> BearerToken::Read(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxTokenBytes));
  const absl::string_view token = absl::StripAsciiWhitespace(text);
  // What goes into a header is visible ASCII.
  if (token.empty() || !std::all_of(token.begin(), token.end(), [](char c) {
        return absl::ascii_isgraph(static_cast<unsigned char>(c));
      })) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " holds no token: one word of visible ASCII"));
  }
  return absl::StrCat("Bearer ", token);
}

std::string BearerToken::Authorization() const {
  const absl::Time now = clock_->Now();
  absl::MutexLock lock(&mutex_);
  if (now >= looked_ && now < looked_ + kLookAgain) return authorization_;
  looked_ = now;
  const FileVersion version = VersionOf(path_);
  if (version == version_) return authorization_;
  version_ = version;
  auto authorization = Read(path_);
  if (authorization.ok()) {
    authorization_ = *std::move(authorization);
  } else {
    LOG(ERROR) << "the token stays as it was: "
               << authorization.status().message();
  }
  return authorization_;
}

}  // namespace hawser
