#include "common/huggingface/model_directory.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/huggingface/config.h"
#include "common/huggingface/tensor_reader.h"
#include "common/job/model_difference.h"
#include "common/job/rules/model_rules.h"
#include "common/status_macros.h"
#include "google/protobuf/util/json_util.h"

namespace hawser {
namespace {

constexpr size_t kMaxConfigBytes = 4 << 20;

absl::Status InFile(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(path, ": ", status.message()));
}

Architecture ArchitectureOf(const ModelSpec& model) {
  return model.has_gpt() ? ArchitectureOf(model.gpt()) : Architecture::kOwn;
}

// NOT_FOUND: the directory does not say.
absl::StatusOr<ModelSpec> ReadDescription(const SourceDirectory& directory) {
  ModelSpec model;
  const auto config = directory.Read(kConfigFile, kMaxConfigBytes);
  if (config.ok()) {
    auto gpt = ReadConfig(*config);
    RETURN_IF_ERROR(InFile(directory.PathOf(kConfigFile), gpt.status()));
    *model.mutable_gpt() = *std::move(gpt);
    return model;
  }
  if (!absl::IsNotFound(config.status())) return config.status();
  ASSIGN_OR_RETURN(const std::string own,
                   directory.Read(kOwnModelFile, kMaxConfigBytes));
  const auto parsed = google::protobuf::util::JsonStringToMessage(own, &model);
  if (!parsed.ok()) {
    return absl::DataLossError(absl::StrCat(
        directory.PathOf(kOwnModelFile),
        " is damaged, or of another version: ", std::string(parsed.message())));
  }
  RETURN_IF_ERROR(
      InFile(directory.PathOf(kOwnModelFile), CompleteModel(&model)));
  return model;
}

std::string ShapeText(absl::Span<const uint64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// What the files hold under the names of `expected`, and besides.
std::vector<TensorShape> FoundTensors(const SafetensorsSet& files,
                                      const ModelLayout& expected) {
  std::vector<TensorShape> found;
  std::set<std::string> known;
  const auto add = [&](const std::string& name) {
    const StoredTensor* stored = files.Find(name);
    if (stored == nullptr || !known.insert(name).second) return;
    TensorShape tensor;
    tensor.set_name(name);
    for (const uint64_t size : stored->shape) tensor.add_dimensions(size);
    found.push_back(std::move(tensor));
  };
  for (const TensorShape& tensor : expected.tensors) add(tensor.name());
  for (const std::string& name : files.Names()) add(name);
  return found;
}

}  // namespace

ModelDirectory::ModelDirectory(ModelSpec model, ModelLayout layout,
                               SafetensorsSet files)
    : model_(std::move(model)),
      layout_(std::move(layout)),
      files_(std::move(files)) {
  const Architecture architecture = ArchitectureOf(model_);
  const auto map = [&](const std::string& prefix) {
    tensors_ = MapTensors(architecture, layout_.tensors, model_.gpt(), prefix);
    return files_.Find(tensors_[0].pieces[0].name) != nullptr;
  };
  if (!map(PrefixOf(architecture)) && !map("")) map(PrefixOf(architecture));
}

absl::StatusOr<ModelDirectory> ModelDirectory::OpenModel(
    const SourceDirectory& directory, const ModelSpec& model) {
  ASSIGN_OR_RETURN(ModelLayout layout, LayoutOf(model));
  ASSIGN_OR_RETURN(SafetensorsSet files, SafetensorsSet::Open(directory));
  ModelDirectory opened(model, std::move(layout), std::move(files));
  RETURN_IF_ERROR(opened.CheckFiles());
  return opened;
}

absl::StatusOr<ModelDirectory> ModelDirectory::Open(
    const SourceDirectory& directory) {
  const auto model = ReadDescription(directory);
  if (absl::IsNotFound(model.status())) {
    return absl::NotFoundError(
        absl::StrCat(directory.path(), " holds no model: it has neither ",
                     kConfigFile, " nor ", kOwnModelFile));
  }
  RETURN_IF_ERROR(model.status());
  return OpenModel(directory, *model);
}

absl::StatusOr<ModelDirectory> ModelDirectory::OpenAs(
    const SourceDirectory& directory, const ModelSpec& model) {
  ASSIGN_OR_RETURN(const ModelLayout expected, LayoutOf(model));
  const auto found = ReadDescription(directory);
  if (absl::IsNotFound(found.status())) {
    ASSIGN_OR_RETURN(SafetensorsSet files, SafetensorsSet::Open(directory));
    RETURN_IF_ERROR(InFile(
        directory.path(),
        CheckSameTensors(FoundTensors(files, expected), expected.tensors)));
    ModelDirectory opened(model, expected, std::move(files));
    opened.tensors_ =
        MapTensors(Architecture::kOwn, expected.tensors, model.gpt(), "");
    return opened;
  }
  RETURN_IF_ERROR(found.status());
  ASSIGN_OR_RETURN(const ModelLayout layout, LayoutOf(*found));
  absl::Status same = CheckSameTensors(layout.tensors, expected.tensors);
  if (same.ok() && model.has_gpt()) {
    same = CheckSameSettings(found->gpt(), model.gpt());
  }
  RETURN_IF_ERROR(InFile(directory.path(), same));
  return OpenModel(directory, *found);
}

absl::Status ModelDirectory::CheckFiles() const {
  std::set<std::string> known;
  for (const MappedTensor& tensor : tensors_) {
    for (const TensorPiece& piece : tensor.pieces) {
      known.insert(piece.name);
      const StoredTensor* stored = files_.Find(piece.name);
      if (stored == nullptr) {
        return absl::DataLossError(
            absl::StrCat(files_.path(), " has no tensor ", piece.name,
                         ", which the model that it describes needs"));
      }
      if (stored->shape != piece.shape) {
        return absl::DataLossError(absl::StrCat(
            files_.path(), ": tensor ", piece.name, " is ",
            ShapeText(stored->shape), ", the model that it describes needs ",
            ShapeText(piece.shape)));
      }
    }
  }
  for (const std::string& name : files_.Names()) {
    if (known.count(name) == 0 && !IsIgnored(name, model_.gpt())) {
      return absl::UnimplementedError(
          absl::StrCat(files_.path(), " has a tensor ", name,
                       ", which the model that it describes does not have"));
    }
  }
  return absl::OkStatus();
}

absl::Status ModelDirectory::Read(uint64_t first, absl::Span<float> out) const {
  const uint64_t end = first + out.size();
  auto next = std::upper_bound(
      tensors_.begin(), tensors_.end(), first,
      [](uint64_t at, const MappedTensor& t) { return at < t.offset; });
  if (next != tensors_.begin()) --next;
  for (; next != tensors_.end() && next->offset < end; ++next) {
    const MappedTensor& tensor = *next;
    const uint64_t from = std::max(first, tensor.offset);
    const uint64_t to = std::min(end, tensor.offset + tensor.elements());
    if (from >= to) continue;
    RETURN_IF_ERROR(ReadTensor(files_, tensor, from - tensor.offset,
                               out.subspan(from - first, to - from)));
  }
  return absl::OkStatus();
}

}  // namespace hawser
