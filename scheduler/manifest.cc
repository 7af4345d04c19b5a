#include "scheduler/manifest.h"

#include <filesystem>
#include <set>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
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

}  // namespace

absl::Status WriteManifest(const Plan& plan,
                           const CheckpointCommitted& checkpoint) {
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
                        manifest.dump(1) + "\n");
}

void RemoveSupersededFiles(const CheckpointCommitted& checkpoint) {
  const std::filesystem::path directory = checkpoint.directory();
  // Members name the directory; only what looks like this step's is touched.
  if (directory.filename() != absl::StrCat("step-", checkpoint.step())) return;
  std::set<std::string> named;
  for (const CheckpointWritten& file : checkpoint.files()) {
    named.insert(file.file());
  }
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (absl::StartsWith(name, "server-") &&
        absl::EndsWith(name, ".safetensors") && named.count(name) == 0) {
      std::filesystem::remove(entry.path(), error);
    }
  }
}

}  // namespace hawser
