#include "common/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // as the format says
constexpr char kMetadata[] = "__metadata__";

// Bytes of a float32 tensor; nothing if the product overflows.
absl::StatusOr<uint64_t> BytesOf(absl::Span<const uint64_t> shape) {
  uint64_t bytes = sizeof(float);
  for (const uint64_t dimension : shape) {
    if (dimension != 0 &&
        bytes > std::numeric_limits<uint64_t>::max() / dimension) {
      return absl::DataLossError("a shape is too large");
    }
    bytes *= dimension;
  }
  return bytes;
}

absl::Status ReadAt(const FileDescriptor& file, const std::string& path,
                    uint64_t offset, void* out, uint64_t bytes) {
  char* next = static_cast<char*>(out);
  while (bytes != 0) {
    const ssize_t got =
        ::pread(file.get(), next, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", path);
    if (got == 0) return absl::DataLossError(absl::StrCat(path, " is cut off"));
    next += got;
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<uint64_t>(got);
  }
  return absl::OkStatus();
}

// Parses without exceptions; a repeated key is noticed.
absl::StatusOr<Json> ParseUnique(const std::string& text) {
  bool repeated = false;
  std::vector<std::set<std::string>> open;
  const auto watch = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key &&
        !open.back().insert(value.get<std::string>()).second) {
      repeated = true;
    }
    return true;
  };
  Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) {
    return absl::DataLossError("the header is not a JSON object");
  }
  if (repeated) return absl::DataLossError("a name stands twice");
  return json;
}

bool IsUnsignedArray(const Json& json) {
  return json.is_array() &&
         std::all_of(json.begin(), json.end(),
                     [](const Json& e) { return e.is_number_unsigned(); });
}

}  // namespace

absl::Status AppendSafetensorsHeader(
    absl::Span<const TensorEntry> tensors,
    const std::map<std::string, std::string>& metadata, AtomicFile* file) {
  Json header = Json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  uint64_t offset = 0;
  for (const TensorEntry& tensor : tensors) {
    ASSIGN_OR_RETURN(const uint64_t bytes, BytesOf(tensor.shape));
    header[tensor.name] = {{"dtype", "F32"},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data starts aligned
  const uint64_t length = text.size();
  RETURN_IF_ERROR(file->Append(&length, sizeof(length)));
  return file->Append(text);
}

absl::StatusOr<SafetensorsReader> SafetensorsReader::Open(
    const std::string& path) {
  SafetensorsReader reader;
  reader.path_ = path;
  reader.file_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader.file_.valid()) return SystemError("open", path);
  struct stat status;
  if (::fstat(reader.file_.get(), &status) != 0) {
    return SystemError("stat", path);
  }
  const auto size = static_cast<uint64_t>(status.st_size);
  uint64_t length = 0;
  if (size < sizeof(length)) {
    return absl::DataLossError(absl::StrCat(path, " is cut off"));
  }
  RETURN_IF_ERROR(ReadAt(reader.file_, path, 0, &length, sizeof(length)));
  if (length > kMaxHeaderBytes || length > size - sizeof(length)) {
    return absl::DataLossError(
        absl::StrCat(path, ": a header of ", length, " bytes"));
  }
  std::string json(length, '\0');
  RETURN_IF_ERROR(
      ReadAt(reader.file_, path, sizeof(length), json.data(), length));
  const absl::Status parsed =
      reader.ParseHeader(json, size - sizeof(length) - length);
  if (!parsed.ok()) {
    return absl::Status(parsed.code(),
                        absl::StrCat(path, ": ", parsed.message()));
  }
  for (auto& [name, place] : reader.places_) {
    place.offset += sizeof(length) + length;
  }
  return reader;
}

absl::Status SafetensorsReader::ParseHeader(const std::string& text,
                                            uint64_t data_bytes) {
  ASSIGN_OR_RETURN(const Json json, ParseUnique(text));
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const auto& [name, entry] : json.items()) {
    if (name == kMetadata) {
      if (!entry.is_object()) {
        return absl::DataLossError("metadata that is not an object");
      }
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) {
          return absl::DataLossError("metadata that is not a string");
        }
        metadata_[key] = value.get<std::string>();
      }
      continue;
    }
    if (!entry.is_object() || !entry.contains("dtype") ||
        !entry.contains("shape") || !entry.contains("data_offsets") ||
        !IsUnsignedArray(entry["shape"]) ||
        !IsUnsignedArray(entry["data_offsets"]) ||
        entry["data_offsets"].size() != 2) {
      return absl::DataLossError(
          absl::StrCat("tensor ", name, " is malformed"));
    }
    if (entry["dtype"] != "F32") {
      return absl::UnimplementedError(
          absl::StrCat("tensor ", name, " is not float32 (F32)"));
    }
    Place place;
    place.shape = entry["shape"].get<std::vector<uint64_t>>();
    const auto begin = entry["data_offsets"][0].get<uint64_t>();
    const auto end = entry["data_offsets"][1].get<uint64_t>();
    ASSIGN_OR_RETURN(place.bytes, BytesOf(place.shape));
    if (begin > end || end > data_bytes || end - begin != place.bytes) {
      return absl::DataLossError(
          absl::StrCat("tensor ", name,
                       " lies outside the file or does not "
                       "have the bytes of its shape"));
    }
    place.offset = begin;
    ranges.emplace_back(begin, end);
    places_[name] = std::move(place);
  }
  std::sort(ranges.begin(), ranges.end());
  uint64_t at = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin != at)
      return absl::DataLossError("tensors overlap or leave gaps");
    at = end;
  }
  if (at != data_bytes) return absl::DataLossError("bytes that no tensor has");
  return absl::OkStatus();
}

absl::Status SafetensorsReader::Read(const std::string& name,
                                     absl::Span<float> out) const {
  const auto found = places_.find(name);
  if (found == places_.end()) {
    return absl::NotFoundError(absl::StrCat(path_, " has no tensor ", name));
  }
  if (found->second.bytes != out.size() * sizeof(float)) {
    return absl::DataLossError(
        absl::StrCat(path_, ": tensor ", name, " has ", found->second.bytes,
                     " bytes, expected ", out.size() * sizeof(float)));
  }
  return ReadAt(file_, path_, found->second.offset, out.data(),
                found->second.bytes);
}

}  // namespace hawser
