#include "client/checkpoint/checkpoint_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/crc32c.h"
#include "common/file_descriptor.h"
#include "common/files.h"
#include "common/safetensors.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxManifestBytes = 256 << 20;
constexpr uint64_t kFormatVersion = 1;

struct FileEntry {
  std::string name;
  uint64_t bytes = 0;
  uint32_t crc32c = 0;
};

struct BlockEntry {
  uint64_t id = 0;
  uint64_t offset = 0;
  uint64_t elements = 0;
};

struct Manifest {
  uint64_t parameters = 0;
  std::vector<FileEntry> files;
  std::vector<BlockEntry> blocks;
};

// The manifest is JSON that may be damaged: every access is checked.
bool Parse(const Json& json, Manifest* manifest, Checkpoint* checkpoint) {
  const auto number = [](const Json& object, const char* key, auto* out) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number_unsigned()) return false;
    *out = found->template get<std::remove_pointer_t<decltype(out)>>();
    return true;
  };
  const auto text = [](const Json& object, const char* key, std::string* out) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) return false;
    *out = found->get<std::string>();
    return true;
  };
  const auto list = [](const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_array() ? *found : Json();
  };
  uint64_t format = 0;
  if (!json.is_object() || !number(json, "format", &format) ||
      format != kFormatVersion || !text(json, "job", &checkpoint->job) ||
      !number(json, "step", &checkpoint->step) ||
      !number(json, "parameters", &manifest->parameters)) {
    return false;
  }
  for (const Json& entry : list(json, "files")) {
    FileEntry file;
    if (!text(entry, "name", &file.name) ||
        !number(entry, "bytes", &file.bytes) ||
        !number(entry, "crc32c", &file.crc32c) ||
        file.name.find('/') != std::string::npos) {
      return false;
    }
    manifest->files.push_back(file);
  }
  for (const Json& entry : list(json, "blocks")) {
    BlockEntry block;
    if (!number(entry, "id", &block.id) ||
        !number(entry, "offset", &block.offset) ||
        !number(entry, "elements", &block.elements) ||
        block.offset > manifest->parameters ||
        block.elements > manifest->parameters - block.offset) {
      return false;
    }
    manifest->blocks.push_back(block);
  }
  for (const Json& entry : list(json, "tensors")) {
    CheckpointTensor tensor;
    if (!text(entry, "name", &tensor.name) ||
        !number(entry, "offset", &tensor.offset)) {
      return false;
    }
    uint64_t elements = 1;
    for (const Json& dimension : list(entry, "shape")) {
      if (!dimension.is_number_unsigned()) return false;
      tensor.shape.push_back(dimension.get<uint64_t>());
      elements *= tensor.shape.back();
    }
    if (tensor.offset > manifest->parameters ||
        elements > manifest->parameters - tensor.offset) {
      return false;
    }
    checkpoint->tensors.push_back(tensor);
  }
  return true;
}

absl::Status CheckFile(const std::string& path, const FileEntry& entry) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return SystemError("open", path);
  std::vector<char> buffer(1 << 20);
  uint64_t bytes = 0;
  uint32_t crc = 0;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0) return SystemError("read", path);
    if (got == 0) break;
    bytes += static_cast<uint64_t>(got);
    crc = Crc32cExtend(crc, buffer.data(), static_cast<size_t>(got));
  }
  if (bytes == entry.bytes && crc == entry.crc32c) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      path, " is damaged: ", bytes, " bytes with CRC32C ", crc,
      ", the manifest says ", entry.bytes, " with ", entry.crc32c));
}

}  // namespace

absl::StatusOr<Checkpoint> ReadCheckpoint(const std::string& directory) {
  const std::string manifest_path = directory + "/manifest.json";
  ASSIGN_OR_RETURN(const std::string text,
                   ReadWholeFile(manifest_path, kMaxManifestBytes));
  Manifest manifest;
  Checkpoint checkpoint;
  if (!Parse(Json::parse(text, nullptr, false), &manifest, &checkpoint)) {
    return absl::DataLossError(
        absl::StrCat(manifest_path, " is damaged, or of another version"));
  }
  checkpoint.parameters.resize(manifest.parameters);
  std::vector<bool> read(manifest.blocks.size(), false);
  for (const FileEntry& entry : manifest.files) {
    const std::string path = absl::StrCat(directory, "/", entry.name);
    RETURN_IF_ERROR(CheckFile(path, entry));
    ASSIGN_OR_RETURN(const SafetensorsReader reader,
                     SafetensorsReader::Open(path));
    for (size_t i = 0; i < manifest.blocks.size(); ++i) {
      const BlockEntry& block = manifest.blocks[i];
      const std::string name = absl::StrCat("block.", block.id, ".parameters");
      if (!reader.Has(name)) continue;
      RETURN_IF_ERROR(
          reader.Read(name, absl::MakeSpan(checkpoint.parameters)
                                .subspan(block.offset, block.elements)));
      read[i] = true;
    }
  }
  uint64_t covered = 0;
  for (size_t i = 0; i < read.size(); ++i) {
    if (!read[i]) {
      return absl::DataLossError(absl::StrCat(
          directory, ": block ", manifest.blocks[i].id, " is in no file"));
    }
    covered += manifest.blocks[i].elements;
  }
  if (covered != manifest.parameters) {
    return absl::DataLossError(
        absl::StrCat(manifest_path, ": blocks do not make up the parameters"));
  }
  return checkpoint;
}

absl::Status ExportModel(const Checkpoint& checkpoint,
                         const std::string& path) {
  std::vector<TensorEntry> entries;
  for (const CheckpointTensor& tensor : checkpoint.tensors) {
    entries.push_back({tensor.name, tensor.shape});
  }
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(
      AppendSafetensorsHeader(entries,
                              {{"format", "pt"},
                               {"job", checkpoint.job},
                               {"step", absl::StrCat(checkpoint.step)}},
                              &file));
  for (const CheckpointTensor& tensor : checkpoint.tensors) {
    uint64_t elements = 1;
    for (const uint64_t dimension : tensor.shape) elements *= dimension;
    RETURN_IF_ERROR(file.Append(checkpoint.parameters.data() + tensor.offset,
                                elements * sizeof(float)));
  }
  return file.Commit();
}

}  // namespace hawser
