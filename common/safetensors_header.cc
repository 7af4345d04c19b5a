#include "common/safetensors_header.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/strict_json.h"

namespace hawser {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxElements = uint64_t{1} << 60;
constexpr JsonLimits kLimits = {.depth = 3, .values = 8 << 20};

struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
  std::string name;
};

template <typename... Parts>
absl::Status Broken(const Parts&... parts) {
  return absl::DataLossError(absl::StrCat(parts...));
}

bool IsUnsignedArray(const Json& json) {
  return json.is_array() &&
         std::all_of(json.begin(), json.end(),
                     [](const Json& e) { return e.is_number_unsigned(); });
}

absl::StatusOr<Range> ParseTensor(const std::string& name, const Json& entry,
                                  StoredTensor* tensor) {
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") ||
      !entry["dtype"].is_string() || !entry.contains("shape") ||
      !IsUnsignedArray(entry["shape"]) || !entry.contains("data_offsets") ||
      !IsUnsignedArray(entry["data_offsets"]) ||
      entry["data_offsets"].size() != 2) {
    return Broken("tensor ", name,
                  " is not described by dtype, shape and data_offsets");
  }
  tensor->type = entry["dtype"].get<std::string>();
  const uint64_t width = SafetensorsTypeBytes(tensor->type);
  if (width == 0) {
    return Broken("tensor ", name, " has type \"", tensor->type,
                  "\", which the format does not have");
  }
  tensor->shape = entry["shape"].get<std::vector<uint64_t>>();
  const auto elements = ElementsOfShape(tensor->shape);
  if (!elements.ok()) return Broken("tensor ", name, " is too large");
  tensor->elements = *elements;
  Range range = {entry["data_offsets"][0].get<uint64_t>(),
                 entry["data_offsets"][1].get<uint64_t>(), name};
  if (range.begin > range.end ||
      range.end - range.begin != tensor->elements * width) {
    return Broken("tensor ", name, " has bytes ", range.begin, " to ",
                  range.end, ", its shape needs ", tensor->elements * width);
  }
  tensor->offset = range.begin;
  return range;
}

absl::Status ParseMetadata(const Json& json,
                           std::map<std::string, std::string>* metadata) {
  if (!json.is_object()) return Broken("its metadata is not an object");
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) {
      return Broken("its metadata \"", key, "\" is not a string");
    }
    (*metadata)[key] = value.get<std::string>();
  }
  return absl::OkStatus();
}

absl::Status CheckTiling(std::vector<Range> ranges, uint64_t data_bytes) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
    return std::make_pair(a.begin, a.end) < std::make_pair(b.begin, b.end);
  });
  uint64_t at = 0;
  for (const Range& range : ranges) {
    if (range.begin != at) {
      return Broken("tensor ", range.name, " begins at byte ", range.begin,
                    " of the data, the one before it ends at ", at);
    }
    at = range.end;
  }
  if (at == data_bytes) return absl::OkStatus();
  return Broken("its tensors end at byte ", at, " of ", data_bytes,
                at > data_bytes ? "; it is cut off" : "");
}

}  // namespace

uint64_t SafetensorsTypeBytes(absl::string_view type) {
  static constexpr std::pair<absl::string_view, uint64_t> kTypes[] = {
      {"F32", 4}, {"F16", 2}, {"BF16", 2},    {"F64", 8},     {"I64", 8},
      {"I32", 4}, {"I16", 2}, {"I8", 1},      {"U64", 8},     {"U32", 4},
      {"U16", 2}, {"U8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"BOOL", 1}};
  for (const auto& [name, bytes] : kTypes) {
    if (name == type) return bytes;
  }
  return 0;
}

absl::StatusOr<uint64_t> ElementsOfShape(absl::Span<const uint64_t> shape) {
  uint64_t elements = 1;
  for (const uint64_t dimension : shape) {
    if (dimension != 0 && elements > kMaxElements / dimension) {
      return absl::InvalidArgumentError("a shape is too large");
    }
    elements *= dimension;
  }
  return elements;
}

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view text,
                                                         uint64_t data_bytes) {
  const auto json = ParseJsonObject(text, kLimits);
  if (!json.ok()) return Broken("its header: ", json.status().message());
  SafetensorsHeader header;
  std::vector<Range> ranges;
  for (const auto& [name, entry] : json->items()) {
    if (name == kSafetensorsMetadata) {
      RETURN_IF_ERROR(ParseMetadata(entry, &header.metadata));
      continue;
    }
    ASSIGN_OR_RETURN(Range range,
                     ParseTensor(name, entry, &header.tensors[name]));
    ranges.push_back(std::move(range));
  }
  RETURN_IF_ERROR(CheckTiling(std::move(ranges), data_bytes));
  return header;
}

}  // namespace hawser
