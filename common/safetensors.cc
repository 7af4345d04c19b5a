#include "common/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/narrow_floats.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

// Reads elements of two bytes and widens them, a piece at a time.
absl::Status ReadWidened(const FileDescriptor& file, const std::string& path,
                         uint64_t offset, float (*widen)(uint16_t),
                         absl::Span<float> out) {
  constexpr size_t kChunk = 16 << 10;
  std::vector<uint16_t> chunk(std::min(kChunk, out.size()));
  for (size_t i = 0; i < out.size(); i += kChunk) {
    const size_t count = std::min(kChunk, out.size() - i);
    RETURN_IF_ERROR(ReadAt(file, path, offset + i * sizeof(uint16_t),
                           chunk.data(), count * sizeof(uint16_t)));
    std::transform(chunk.begin(),
                   chunk.begin() + static_cast<std::ptrdiff_t>(count),
                   out.begin() + static_cast<std::ptrdiff_t>(i), widen);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AppendSafetensorsHeader(
    absl::Span<const TensorEntry> tensors,
    const std::map<std::string, std::string>& metadata, AtomicFile* file) {
  Json header = Json::object();
  if (!metadata.empty()) header[kSafetensorsMetadata] = metadata;
  uint64_t offset = 0;
  for (const TensorEntry& tensor : tensors) {
    ASSIGN_OR_RETURN(const uint64_t elements, ElementsOfShape(tensor.shape));
    const uint64_t bytes = elements * sizeof(float);
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
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return SystemError("open", path);
  return Open(std::move(file), path);
}

absl::StatusOr<SafetensorsReader> SafetensorsReader::Open(
    FileDescriptor file, const std::string& path) {
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return SystemError("stat", path);
  const auto size = static_cast<uint64_t>(status.st_size);
  uint64_t length = 0;
  RETURN_IF_ERROR(ReadAt(file, path, 0, &length, sizeof(length)));
  if (length > kMaxSafetensorsHeaderBytes || length > size - sizeof(length)) {
    return absl::DataLossError(absl::StrCat(
        path, " has ", size, " bytes and says that its header has ", length,
        "; it is cut off, or no safetensors file"));
  }
  std::string json(length, '\0');
  RETURN_IF_ERROR(ReadAt(file, path, sizeof(length), json.data(), length));
  SafetensorsReader reader;
  reader.path_ = path;
  reader.data_offset_ = sizeof(length) + length;
  auto header = ParseSafetensorsHeader(json, size - reader.data_offset_);
  if (!header.ok()) {
    return absl::Status(header.status().code(),
                        absl::StrCat(path, ": ", header.status().message()));
  }
  reader.header_ = *std::move(header);
  reader.file_ = std::move(file);
  return reader;
}

const StoredTensor* SafetensorsReader::Find(const std::string& name) const {
  const auto found = header_.tensors.find(name);
  return found == header_.tensors.end() ? nullptr : &found->second;
}

absl::Status SafetensorsReader::Read(const std::string& name,
                                     absl::Span<float> out) const {
  const StoredTensor* tensor = Find(name);
  if (tensor != nullptr && tensor->elements != out.size()) {
    return absl::DataLossError(
        absl::StrCat(path_, ": tensor ", name, " has ", tensor->elements,
                     " elements, expected ", out.size()));
  }
  return ReadRange(name, 0, out);
}

absl::Status SafetensorsReader::ReadRange(const std::string& name,
                                          uint64_t first,
                                          absl::Span<float> out) const {
  const StoredTensor* tensor = Find(name);
  if (tensor == nullptr) {
    return absl::NotFoundError(absl::StrCat(path_, " has no tensor ", name));
  }
  if (first > tensor->elements || out.size() > tensor->elements - first) {
    return absl::DataLossError(absl::StrCat(path_, ": tensor ", name, " has ",
                                            tensor->elements, " elements, not ",
                                            first, " + ", out.size()));
  }
  const uint64_t start = data_offset_ + tensor->offset;
  if (tensor->type == "F32") {
    return ReadAt(file_, path_, start + first * sizeof(float), out.data(),
                  out.size() * sizeof(float));
  }
  const uint64_t narrow = start + first * sizeof(uint16_t);
  if (tensor->type == "F16") {
    return ReadWidened(file_, path_, narrow, FloatOfHalf, out);
  }
  if (tensor->type == "BF16") {
    return ReadWidened(file_, path_, narrow, FloatOfBfloat16, out);
  }
  return absl::UnimplementedError(absl::StrCat(
      path_, ": tensor ", name, " is ", tensor->type,
      "; only F32, F16 and BF16 are read: convert it to one of them"));
}

}  // namespace hawser
