#include "common/job/job_file.h"

#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/job/document.h"
#include "common/status_macros.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"

namespace hawser {
namespace {

constexpr size_t kMaxJobFileBytes = 1 << 20;

// Keeps the first error, with its line.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  explicit FirstError(absl::string_view path) : path_(path) {}

  void AddError(int line, google::protobuf::io::ColumnNumber,
                const std::string& message) override {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(path_, ":", line + 1, ": ", message));
  }
  const absl::Status& status() const { return status_; }

 private:
  const absl::string_view path_;
  absl::Status status_;
};

absl::StatusOr<JobSpec> ParseText(absl::string_view text,
                                  absl::string_view path) {
  JobSpec job;
  FirstError error(path);
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(std::string(text), &job)) {
    if (!error.status().ok()) return error.status();
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":1: not a job in protobuf text format"));
  }
  return job;
}

// A name from the file's: "MNIST best.textproto" is "mnist-best".
std::string NameOf(const std::string& path) {
  std::string name;
  for (const char c : std::filesystem::path(path).stem().string()) {
    name.push_back(absl::ascii_isalnum(static_cast<unsigned char>(c))
                       ? absl::ascii_tolower(static_cast<unsigned char>(c))
                       : '-');
  }
  return name;
}

}  // namespace

absl::StatusOr<JobFileFormat> FormatOfPath(absl::string_view path) {
  const std::string extension =
      std::filesystem::path(std::string(path)).extension().string();
  if (extension == ".textproto" || extension == ".pbtxt" ||
      extension == ".txtpb") {
    return JobFileFormat::kProtobufText;
  }
  if (extension == ".json") return JobFileFormat::kJson;
  if (extension == ".yaml" || extension == ".yml") return JobFileFormat::kYaml;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": a job file ends in .textproto, .json or .yaml"));
}

absl::StatusOr<JobSpec> ParseJob(absl::string_view text, JobFileFormat format,
                                 absl::string_view path) {
  if (format == JobFileFormat::kProtobufText) return ParseText(text, path);
  ASSIGN_OR_RETURN(const DocumentNode document, ParseDocument(text, path));
  JobSpec job;
  RETURN_IF_ERROR(FillMessage(document, path, &job));
  return job;
}

absl::StatusOr<JobSpec> ReadJobFile(const std::string& path) {
  ASSIGN_OR_RETURN(const JobFileFormat format, FormatOfPath(path));
  ASSIGN_OR_RETURN(const std::string text,
                   ReadWholeFile(path, kMaxJobFileBytes));
  ASSIGN_OR_RETURN(JobSpec job, ParseJob(text, format, path));
  if (job.name().empty()) job.set_name(NameOf(path));
  return job;
}

}  // namespace hawser
