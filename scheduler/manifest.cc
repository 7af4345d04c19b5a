#include "scheduler/manifest.h"

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/checkpoint/manifest.h"
#include "common/crc32c.h"
#include "common/files.h"
#include "common/output_directory.h"
#include "common/status_macros.h"
#include "common/version.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &text, options);
  return status.ok() ? Json::parse(text, nullptr, false) : Json();
}

absl::Status CheckIsThere(const OutputDirectory& directory,
                          const CheckpointWritten& file) {
  if (std::filesystem::path(file.file()).filename() != file.file()) {
    return absl::DataLossError(
        absl::StrCat("\"", file.file(), "\" is no file of a checkpoint"));
  }
  std::error_code error;
  const uint64_t bytes =
      std::filesystem::file_size(directory.Inside(file.file()), error);
  if (!error && bytes == file.bytes()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      directory.path(), "/", file.file(),
      error ? absl::StrCat(": ", error.message())
            : absl::StrCat(" has ", bytes, " bytes, its server wrote ",
                           file.bytes())));
}

}  // namespace

absl::Status WriteManifest(const Plan& plan,
                           const CheckpointCommitted& checkpoint,
                           const std::string& output_root, FileCalls* calls) {
  ASSIGN_OR_RETURN(const OutputDirectory directory,
                   OutputDirectory::Open(output_root, checkpoint.directory()));
  for (const CheckpointWritten& file : checkpoint.files()) {
    RETURN_IF_ERROR(CheckIsThere(directory, file));
  }
  Json manifest;
  manifest["format"] = kManifestFormat;
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
  const std::string path = directory.Inside(kManifestFile);
  const std::string text = SealManifest(manifest.dump(1));
  absl::Status status = WriteWholeFile(path, text, calls);
  if (status.ok() && checkpoint.step() == plan.total_steps()) {
    status =
        CheckFile(path, text.size(), Crc32c(text.data(), text.size()), calls);
  }
  return directory.WithPath(status);
}

}  // namespace hawser
