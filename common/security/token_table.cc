#include "common/security/token_table.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "openssl/crypto.h"

namespace hawser {
namespace {

constexpr size_t kMaxFileBytes = 4 << 20;
constexpr size_t kMaxNameBytes = 64;
constexpr size_t kDigits = 64;
constexpr absl::Duration kLookAgain = absl::Seconds(1);

// Letters, digits and "-_.@:" alone: a name is written to logs.
bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  absl::string_view("-_.@:").find(c) != absl::string_view::npos;
         });
}

bool IsSha256(absl::string_view text) {
  return text.size() == kDigits &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isxdigit(static_cast<unsigned char>(c));
         });
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenTable>> TokenTable::Open(
    std::string path, const Clock* clock) {
  static const RealClock machine_clock;
  if (clock == nullptr) clock = &machine_clock;
  auto table = absl::WrapUnique(new TokenTable(std::move(path), clock));
  absl::MutexLock lock(&table->mutex_);
  table->looked_ = clock->Now();
  table->version_ = VersionOf(table->path_);
  ASSIGN_OR_RETURN(table->entries_, Read(table->path_));
  return table;
}

absl::StatusOr<TokenTable::Entry> TokenTable::ParseLine(
    absl::string_view line) {
  const std::vector<absl::string_view> fields =
      absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  if (fields.size() < 3 || fields.size() > 4) {
    return absl::InvalidArgumentError(
        "it takes ROLE NAME SHA256, and EXPIRY where it ends");
  }
  const auto role = ParseRole(fields[0]);
  if (!role.has_value()) {
    return absl::InvalidArgumentError(
        "the role is none of view, submit, admin, worker, server");
  }
  if (!IsName(fields[1])) {
    return absl::InvalidArgumentError(
        "the name takes 1 to 64 letters, digits and any of -_.@:");
  }
  if (!IsSha256(fields[2])) {
    return absl::InvalidArgumentError(
        "the SHA-256 of the token takes 64 hexadecimal digits");
  }
  Entry entry{absl::AsciiStrToLower(fields[2]),
              Identity{std::string(fields[1]), *role}};
  if (fields.size() == 4) {
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, fields[3], &entry.expiry,
                         &error)) {
      return absl::InvalidArgumentError(
          "the expiry is no RFC 3339 time such as 2027-01-31T00:00:00Z");
    }
  }
  return entry;
}

absl::StatusOr<std::vector<TokenTable::Entry>> TokenTable::Read(
    const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxFileBytes));
  std::vector<Entry> entries;
  int number = 0;
  for (const absl::string_view raw : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::string_view line = absl::StripAsciiWhitespace(raw);
    if (line.empty() || line[0] == '#') continue;
    auto entry = ParseLine(line);
    // The line itself is not said: somebody may have put a token there.
    if (!entry.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", number, ": ", entry.status().message()));
    }
    entries.push_back(*std::move(entry));
  }
  return entries;
}

void TokenTable::ReloadWhenDue(absl::Time now) const {
  // A clock that was set back does not keep the file from being looked at.
  if (now >= looked_ && now < looked_ + kLookAgain) return;
  looked_ = now;
  ReloadIfChanged();
}

bool TokenTable::ReloadIfChanged() const {
  const FileVersion version = VersionOf(path_);
  if (version == version_) return false;
  version_ = version;
  auto entries = Read(path_);
  if (!entries.ok()) {
    LOG(ERROR) << "tokens stay as they were: " << entries.status().message();
    return false;
  }
  entries_ = *std::move(entries);
  LOG(INFO) << "tokens read again from " << path_ << ": " << entries_.size();
  return true;
}

// All are compared, each whole: the time it takes tells nothing.
const TokenTable::Entry* TokenTable::Search(const std::string& sha256,
                                            absl::Time now) const {
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {
    const bool same =
        CRYPTO_memcmp(entry.sha256.data(), sha256.data(), kDigits) == 0;
    if (same && (found == nullptr || found->expiry <= now)) found = &entry;
  }
  return found;
}

TokenTable::Lookup TokenTable::LookUp(absl::string_view token) const {
  Sha256 hash;
  hash.Update(token.data(), token.size());
  const std::string sha256 = hash.Hex();
  const absl::Time now = clock_->Now();
  absl::MutexLock lock(&mutex_);
  ReloadWhenDue(now);
  const Entry* found = Search(sha256, now);
  // It may have been added just now.
  if (found == nullptr && ReloadIfChanged()) found = Search(sha256, now);
  if (found == nullptr) return {};
  return {found->expiry <= now ? Outcome::kExpired : Outcome::kKnown,
          found->identity};
}

std::optional<Identity> TokenTable::Find(std::string_view token) const {
  Lookup lookup = LookUp(absl::string_view(token.data(), token.size()));
  if (lookup.outcome != Outcome::kKnown) return std::nullopt;
  return std::move(lookup.identity);
}

}  // namespace hawser
