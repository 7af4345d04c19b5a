#include "common/checkpoint/manifest.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/crc32c.h"
#include "common/safetensors_header.h"
#include "common/status_macros.h"
#include "common/strict_json.h"
#include "glog/logging.h"
#include "google/protobuf/util/json_util.h"

namespace hawser {
namespace {

using Json = nlohmann::json;

constexpr char kEnd[] = "\n}";
constexpr char kSeal[] = ",\n \"crc32c\": ";
// Of 2^36 parameters in the smallest blocks: more than a manifest can list.
constexpr JsonLimits kLimits = {.depth = 32, .values = 16 << 20};

template <typename... Parts>
absl::Status Damaged(const Parts&... parts) {
  return absl::DataLossError(absl::StrCat(parts...));
}

// The manifest is JSON that may be damaged: every access is checked.
template <typename T>
absl::Status ReadNumber(const Json& object, const char* key, T* out) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned() ||
      found->template get<uint64_t>() > std::numeric_limits<T>::max()) {
    return Damaged("\"", key, "\" is missing or no whole number");
  }
  *out = found->template get<T>();
  return absl::OkStatus();
}

absl::Status ReadText(const Json& object, const char* key, std::string* out) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) {
    return Damaged("\"", key, "\" is missing or no text");
  }
  *out = found->get<std::string>();
  return absl::OkStatus();
}

// Calls read(object) for each of a list's objects.
template <typename Read>
absl::Status ForEach(const Json& object, const char* key, Read read) {
  const auto found = object.find(key);
  if (found == object.end()) return absl::OkStatus();
  if (!found->is_array()) return Damaged("\"", key, "\" is no list");
  for (const Json& entry : *found) {
    if (!entry.is_object()) return Damaged("\"", key, "\" has a bad entry");
    RETURN_IF_ERROR(read(entry));
  }
  return absl::OkStatus();
}

absl::Status ReadTensor(const Json& entry, uint64_t* offset,
                        CheckpointManifest* manifest) {
  TensorShape tensor;
  uint64_t given = 0;
  RETURN_IF_ERROR(ReadText(entry, "name", tensor.mutable_name()));
  RETURN_IF_ERROR(ReadNumber(entry, "offset", &given));
  std::vector<uint64_t> shape;
  const auto dimensions = entry.find("shape");
  if (dimensions == entry.end() || !dimensions->is_array()) {
    return Damaged("tensor ", tensor.name(), " has no shape");
  }
  for (const Json& dimension : *dimensions) {
    if (!dimension.is_number_unsigned()) {
      return Damaged("tensor ", tensor.name(), " has a bad shape");
    }
    shape.push_back(dimension.get<uint64_t>());
    tensor.add_dimensions(shape.back());
  }
  const auto elements = ElementsOfShape(shape);
  if (!elements.ok() || given != *offset ||
      *elements > manifest->parameters - *offset) {
    return Damaged("tensor ", tensor.name(), " is not where it must be");
  }
  tensor.set_offset(given);
  *offset += *elements;
  manifest->tensors.push_back(tensor);
  return absl::OkStatus();
}

absl::Status CheckBlocks(CheckpointManifest* manifest) {
  std::sort(manifest->blocks.begin(), manifest->blocks.end(),
            [](const CheckpointBlock& a, const CheckpointBlock& b) {
              return a.offset < b.offset;
            });
  uint64_t at = 0;
  for (const CheckpointBlock& block : manifest->blocks) {
    if (block.offset != at || block.elements > manifest->parameters - at) {
      return Damaged("block ", block.id, " is not where it must be");
    }
    at += block.elements;
  }
  if (at == manifest->parameters) return absl::OkStatus();
  return Damaged("its blocks end at element ", at, " of ",
                 manifest->parameters);
}

absl::Status ReadSpec(const Json& json, JobSpec* spec) {
  const auto found = json.find("spec");
  if (found == json.end() || !found->is_object()) return absl::OkStatus();
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto status =
      google::protobuf::util::JsonStringToMessage(found->dump(), spec, options);
  if (status.ok()) return absl::OkStatus();
  return Damaged("its spec: ", std::string(status.message()));
}

absl::Status CheckSeal(absl::string_view text) {
  const size_t seal = text.rfind(kSeal);
  if (seal != absl::string_view::npos &&
      SealManifest(absl::StrCat(text.substr(0, seal), kEnd)) == text) {
    return absl::OkStatus();
  }
  return Damaged("its CRC32C is not that of its text");
}

}  // namespace

std::string SealManifest(absl::string_view json) {
  CHECK(absl::ConsumeSuffix(&json, kEnd));
  return absl::StrCat(json, kSeal, Crc32c(json.data(), json.size()), kEnd,
                      "\n");
}

absl::StatusOr<CheckpointManifest> ParseManifest(absl::string_view text) {
  const auto json = ParseJsonObject(text, kLimits);
  if (!json.ok()) return Damaged(json.status().message());
  CheckpointManifest manifest;
  uint64_t format = 0;
  RETURN_IF_ERROR(ReadNumber(*json, "format", &format));
  if (format == 0 || format > kManifestFormat) {
    return Damaged("it has format ", format, ", this version reads 1 to ",
                   kManifestFormat);
  }
  if (format > 1) RETURN_IF_ERROR(CheckSeal(text));
  RETURN_IF_ERROR(ReadText(*json, "job", &manifest.job));
  RETURN_IF_ERROR(ReadNumber(*json, "step", &manifest.step));
  RETURN_IF_ERROR(ReadNumber(*json, "parameters", &manifest.parameters));
  RETURN_IF_ERROR(ForEach(*json, "files", [&](const Json& entry) {
    CheckpointFile file;
    RETURN_IF_ERROR(ReadText(entry, "name", &file.name));
    RETURN_IF_ERROR(ReadNumber(entry, "bytes", &file.bytes));
    RETURN_IF_ERROR(ReadNumber(entry, "crc32c", &file.crc32c));
    manifest.files.push_back(file);
    return absl::OkStatus();
  }));
  RETURN_IF_ERROR(ForEach(*json, "blocks", [&](const Json& entry) {
    CheckpointBlock block;
    RETURN_IF_ERROR(ReadNumber(entry, "id", &block.id));
    RETURN_IF_ERROR(ReadNumber(entry, "offset", &block.offset));
    RETURN_IF_ERROR(ReadNumber(entry, "elements", &block.elements));
    manifest.blocks.push_back(block);
    return absl::OkStatus();
  }));
  uint64_t offset = 0;
  RETURN_IF_ERROR(ForEach(*json, "tensors", [&](const Json& entry) {
    return ReadTensor(entry, &offset, &manifest);
  }));
  if (offset != manifest.parameters) {
    return Damaged("its tensors end at element ", offset, " of ",
                   manifest.parameters);
  }
  RETURN_IF_ERROR(CheckBlocks(&manifest));
  RETURN_IF_ERROR(ReadSpec(*json, &manifest.spec));
  return manifest;
}

}  // namespace hawser
