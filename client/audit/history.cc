#include "client/audit/history.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/audit/line_reader.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

std::string FileName(uint64_t server) {
  return absl::StrCat("server-", server, ".audit");
}

std::optional<uint64_t> ServerOf(const std::string& name) {
  absl::string_view digits = name;
  uint64_t server = 0;
  if (!absl::ConsumePrefix(&digits, "server-") ||
      !absl::ConsumeSuffix(&digits, ".audit") ||
      !absl::SimpleAtoi(digits, &server) || FileName(server) != name) {
    return std::nullopt;
  }
  return server;
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

absl::StatusOr<std::vector<std::string>> HistoryFiles(
    const std::string& directory) {
  std::error_code error;
  std::vector<uint64_t> servers;
  for (std::filesystem::directory_iterator entry(directory, error), end;
       !error && entry != end; entry.increment(error)) {
    const auto server = ServerOf(entry->path().filename().string());
    if (server.has_value()) servers.push_back(*server);
  }
  if (error) {
    errno = error.value();
    return SystemError("read directory", directory);
  }
  if (servers.empty()) {
    return absl::NotFoundError(absl::StrCat("no history in ", directory));
  }
  std::sort(servers.begin(), servers.end());
  std::vector<std::string> files;
  for (uint64_t i = 0; i < servers.size(); ++i) {
    const std::string path = absl::StrCat(directory, "/", FileName(i));
    if (servers[i] != i) {
      return absl::DataLossError(absl::StrCat(
          path, " is missing: without it the history is not whole"));
    }
    files.push_back(path);
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
  ASSIGN_OR_RETURN(const std::vector<std::string> files,
                   HistoryFiles(directory));
  for (uint64_t server = 0; server < files.size(); ++server) {
    RETURN_IF_ERROR(ReadHistoryFile(files[server], job, server, take));
  }
  return absl::OkStatus();
}

}  // namespace hawser
