#include "common/safetensors_set.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/strict_json.h"

namespace hawser {
namespace {

constexpr size_t kMaxIndexBytes = 64 << 20;
constexpr size_t kMaxPieces = 1000;  // each is kept open

absl::StatusOr<SafetensorsReader> OpenFile(const SourceDirectory& directory,
                                           const std::string& name) {
  ASSIGN_OR_RETURN(FileDescriptor file, directory.Open(name));
  return SafetensorsReader::Open(std::move(file), directory.PathOf(name));
}

absl::Status Broken(const SourceDirectory& directory, absl::string_view how) {
  return absl::DataLossError(
      absl::StrCat(directory.PathOf(kModelIndex), ": ", how));
}

}  // namespace

absl::StatusOr<SafetensorsSet> SafetensorsSet::Open(
    const SourceDirectory& directory) {
  SafetensorsSet set;
  set.path_ = directory.path();
  auto whole = OpenFile(directory, kModelFile);
  if (absl::IsNotFound(whole.status())) {
    RETURN_IF_ERROR(set.OpenPieces(directory));
    return set;
  }
  RETURN_IF_ERROR(whole.status());
  for (const auto& [name, tensor] : whole->tensors()) set.file_of_[name] = 0;
  set.files_.push_back(*std::move(whole));
  return set;
}

absl::Status SafetensorsSet::OpenPieces(const SourceDirectory& directory) {
  const auto text = directory.Read(kModelIndex, kMaxIndexBytes);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(
        absl::StrCat(path_, " has neither ", kModelFile, " nor ", kModelIndex,
                     "; save the model as safetensors (transformers: ",
                     "save_pretrained(..., safe_serialization=True))"));
  }
  RETURN_IF_ERROR(text.status());
  const auto json = ParseJsonObject(*text);
  if (!json.ok()) return Broken(directory, json.status().message());
  const auto weights = json->find("weight_map");
  if (weights == json->end() || !weights->is_object()) {
    return Broken(directory, "it has no weight_map");
  }
  std::map<std::string, size_t> pieces;
  for (const auto& [name, file] : weights->items()) {
    if (!file.is_string()) {
      return Broken(directory, absl::StrCat("tensor ", name, " has no file"));
    }
    const auto [piece, is_new] =
        pieces.emplace(file.get<std::string>(), files_.size());
    if (is_new) {
      if (pieces.size() > kMaxPieces) {
        return Broken(directory,
                      absl::StrCat("it has more than ", kMaxPieces, " files"));
      }
      ASSIGN_OR_RETURN(SafetensorsReader reader,
                       OpenFile(directory, piece->first));
      files_.push_back(std::move(reader));
    }
    if (!files_[piece->second].Has(name)) {
      return Broken(directory,
                    absl::StrCat("tensor ", name, " is not in ", piece->first));
    }
    file_of_[name] = piece->second;
  }
  return absl::OkStatus();
}

const StoredTensor* SafetensorsSet::Find(const std::string& name) const {
  const auto found = file_of_.find(name);
  return found == file_of_.end() ? nullptr : files_[found->second].Find(name);
}

std::vector<std::string> SafetensorsSet::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : file_of_) names.push_back(name);
  return names;
}

absl::Status SafetensorsSet::ReadRange(const std::string& name, uint64_t first,
                                       absl::Span<float> out) const {
  const auto found = file_of_.find(name);
  if (found == file_of_.end()) {
    return absl::NotFoundError(absl::StrCat(path_, " has no tensor ", name));
  }
  return files_[found->second].ReadRange(name, first, out);
}

}  // namespace hawser
