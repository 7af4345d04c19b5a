#include "client/audit/history.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/audit/line_reader.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

std::string FileName(const HistoryFile& file) {
  return absl::StrCat(
      "server-", file.server,
      file.blocks_since == 0 ? "" : absl::StrCat("-", file.blocks_since),
      ".audit");
}

std::optional<HistoryFile> FileOf(const std::string& name) {
  absl::string_view digits = name;
  if (!absl::ConsumePrefix(&digits, "server-") ||
      !absl::ConsumeSuffix(&digits, ".audit")) {
    return std::nullopt;
  }
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(digits, absl::MaxSplits('-', 1));
  HistoryFile file;
  if (!absl::SimpleAtoi(parts.first, &file.server)) return std::nullopt;
  // What is no number is seen by its name.
  if (!absl::SimpleAtoi(parts.second, &file.blocks_since)) {
    file.blocks_since = 0;
  }
  if (FileName(file) != name) return std::nullopt;
  return file;
}

absl::Status CheckFirst(const AuditRecord& record, const std::string& job,
                        uint64_t server) {
  const auto* header = std::get_if<HeaderRecord>(&record);
  if (header == nullptr) {
    return absl::DataLossError("a history begins with an H record");
  }
  if (header->job != job) {
    return absl::DataLossError(absl::StrCat("this is the history of job ",
                                            header->job, ", not of ", job));
  }
  if (header->server != server) {
    return absl::DataLossError(absl::StrCat(
        "this is the history of server ", header->server, ", not of ", server));
  }
  return absl::OkStatus();
}

absl::Status AtPlace(const absl::Status& status, const RecordPlace& place) {
  if (status.ok()) return status;
  // A line too long is damage like any other.
  const absl::StatusCode code = absl::IsResourceExhausted(status)
                                    ? absl::StatusCode::kDataLoss
                                    : status.code();
  return absl::Status(
      code, absl::StrCat(place.file, ":", place.line, ": ", status.message()));
}

}  // namespace

absl::StatusOr<std::vector<HistoryFile>> HistoryFiles(
    const std::string& directory) {
  std::error_code error;
  std::vector<HistoryFile> files;
  for (std::filesystem::directory_iterator entry(directory, error), end;
       !error && entry != end; entry.increment(error)) {
    auto file = FileOf(entry->path().filename().string());
    if (!file.has_value()) continue;
    file->path = absl::StrCat(directory, "/", FileName(*file));
    files.push_back(*std::move(file));
  }
  if (error) {
    errno = error.value();
    return SystemError("read directory", directory);
  }
  if (files.empty()) {
    return absl::NotFoundError(absl::StrCat("no history in ", directory));
  }
  std::sort(files.begin(), files.end(),
            [](const HistoryFile& a, const HistoryFile& b) {
              return std::pair(a.server, a.blocks_since) <
                     std::pair(b.server, b.blocks_since);
            });
  uint64_t next = 0;
  for (const HistoryFile& file : files) {
    if (file.server > next) {
      return absl::DataLossError(
          absl::StrCat(directory, "/", FileName({.server = next}),
                       " is missing: without it the history is not whole"));
    }
    next = file.server + 1;
  }
  return files;
}

absl::Status ReadHistoryFile(
    const std::string& path, const std::string& job, uint64_t server,
    absl::FunctionRef<absl::Status(const RecordPlace&, const AuditRecord&)>
        take) {
  ASSIGN_OR_RETURN(LineReader lines,
                   LineReader::Open(path, kMostHistoryLineBytes));
  RecordPlace place = {.file = path, .line = 1};
  for (;; ++place.line) {
    const auto line = lines.Next();
    if (!line.ok()) return AtPlace(line.status(), place);
    if (!line->has_value()) break;
    const auto record = ParseAuditRecord(**line);
    if (!record.ok()) return AtPlace(record.status(), place);
    if (place.line == 1) {
      RETURN_IF_ERROR(AtPlace(CheckFirst(*record, job, server), place));
    } else if (std::holds_alternative<HeaderRecord>(*record)) {
      return AtPlace(absl::DataLossError("an H record is not the first"),
                     place);
    }
    RETURN_IF_ERROR(AtPlace(take(place, *record), place));
  }
  if (place.line > 1) return absl::OkStatus();
  return AtPlace(
      absl::DataLossError("the file has no line; a history begins with an H "
                          "record"),
      place);
}

absl::Status ReadHistory(
    const std::string& directory, const std::string& job,
    absl::FunctionRef<absl::Status(const RecordPlace&, const AuditRecord&)>
        take) {
  ASSIGN_OR_RETURN(const std::vector<HistoryFile> files,
                   HistoryFiles(directory));
  for (const HistoryFile& file : files) {
    RETURN_IF_ERROR(ReadHistoryFile(file.path, job, file.server, take));
  }
  return absl::OkStatus();
}

}  // namespace hawser
