#include "scheduler/manifest.h"

#include <filesystem>
#include <set>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/version.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 1;

Json ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &text, options);
  return status.ok() ? Json::parse(text, nullptr, false) : Json();
}

absl::Status CheckIsThere(const std::string& directory,
                          const CheckpointWritten& file) {
  const std::string path = absl::StrCat(directory, "/", file.file());
  std::error_code error;
  const uint64_t bytes = std::filesystem::file_size(path, error);
  if (!error && bytes == file.bytes()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      path, error ? absl::StrCat(": ", error.message())
                  : absl::StrCat(" has ", bytes, " bytes, its server wrote ",
                                 file.bytes())));
}

// What a process that was killed did not come to rename.
bool IsTemporary(absl::string_view name) {
  return (absl::StartsWith(name, "server-") ||
          absl::StartsWith(name, "manifest.json.")) &&
         absl::StrContains(name, ".tmp-");
}

// True if it is the directory of this step: members name it.
bool IsDirectoryOf(const std::filesystem::path& directory, uint64_t step) {
  return directory.is_absolute() &&
         directory.filename() == absl::StrCat("step-", step);
}

}  // namespace

absl::Status WriteManifest(const Plan& plan,
                           const CheckpointCommitted& checkpoint,
                           FileCalls* calls) {
  for (const CheckpointWritten& file : checkpoint.files()) {
    RETURN_IF_ERROR(CheckIsThere(checkpoint.directory(), file));
  }
  Json manifest;
  manifest["format"] = kFormatVersion;
  manifest["hawser"] = kVersion;
  manifest["job"] = plan.spec().name();
  manifest["step"] = checkpoint.step();
  manifest["parameters"] = plan.parameters();
  for (const CheckpointWritten& file : checkpoint.files()) {
    manifest["files"].push_back({{"name", file.file()},
                                 {"bytes", file.bytes()},
                                 {"crc32c", file.crc32c()}});
  }
  for (const TensorShape& tensor : plan.tensors()) {
    Json entry = {{"name", tensor.name()}, {"offset", tensor.offset()}};
    for (const uint64_t dimension : tensor.dimensions()) {
      entry["shape"].push_back(dimension);
    }
    manifest["tensors"].push_back(entry);
  }
  for (const Block& block : plan.blocks()) {
    manifest["blocks"].push_back({{"id", block.id()},
                                  {"offset", block.offset()},
                                  {"elements", block.elements()},
                                  {"server", block.server()}});
  }
  manifest["spec"] = ToJson(plan.spec());
  return WriteWholeFile(checkpoint.directory() + "/manifest.json",
                        manifest.dump(1) + "\n", calls);
}

void RemoveSupersededFiles(const CheckpointCommitted& checkpoint) {
  const std::filesystem::path directory = checkpoint.directory();
  if (!IsDirectoryOf(directory, checkpoint.step())) return;
  std::set<std::string> named;
  for (const CheckpointWritten& file : checkpoint.files()) {
    named.insert(file.file());
  }
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    const bool is_servers = absl::StartsWith(name, "server-") &&
                            absl::EndsWith(name, ".safetensors") &&
                            named.count(name) == 0;
    if (is_servers || IsTemporary(name)) {
      std::filesystem::remove(entry.path(), error);
    }
  }
}

void RemoveAbandonedFiles(const std::vector<CheckpointWritten>& files) {
  std::error_code error;
  for (const CheckpointWritten& file : files) {
    const std::filesystem::path directory = file.directory();
    if (!IsDirectoryOf(directory, file.step())) continue;
    if (std::filesystem::exists(directory / "manifest.json", error)) continue;
    if (std::filesystem::path(file.file()).filename() != file.file()) continue;
    std::filesystem::remove(directory / file.file(), error);
    std::filesystem::remove(directory, error);  // if it is empty
  }
}

}  // namespace hawser
