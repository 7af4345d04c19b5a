// A directory that holds a model, as Hugging Face transformers or `hawser
// export` writes it: what model it is, and its parameters.
//
//   ASSIGN_OR_RETURN(const auto model, ModelDirectory::Open(
//                                          SourceDirectory::Anywhere("gpt2")));
//   std::vector<float> theta(model.layout().parameters);
//   RETURN_IF_ERROR(model.ReadParameters(theta.data()));
//
// docs/model_directories.md tells which directories are read.
#ifndef HAWSER_COMMON_HUGGINGFACE_MODEL_DIRECTORY_H_
#define HAWSER_COMMON_HUGGINGFACE_MODEL_DIRECTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/huggingface/tensor_map.h"
#include "common/job/model_layout.h"
#include "common/safetensors_set.h"
#include "common/source_directory.h"
#include "proto/job.pb.h"

namespace hawser {

inline constexpr char kConfigFile[] = "config.json";
// The ModelSpec as JSON, of models that transformers does not have.
inline constexpr char kOwnModelFile[] = "hawser_model.json";

// Thread-safe after opening.
class ModelDirectory {
 public:
  // The model that the directory says it holds. NOT_FOUND: no directory, or
  // none of a model. UNIMPLEMENTED: a model or setting that Hawser does not
  // have. DATA_LOSS: a file is damaged, or its tensors are not those that
  // config.json tells of. Messages name the file.
  static absl::StatusOr<ModelDirectory> Open(const SourceDirectory& directory);

  // The same if it is this model (completed). FAILED_PRECONDITION: it is
  // another; the message names the first tensor that differs and the setting
  // to change. A directory without any description is taken to be of this
  // model, under Hawser's names.
  static absl::StatusOr<ModelDirectory> OpenAs(const SourceDirectory& directory,
                                               const ModelSpec& model);

  const ModelSpec& model() const { return model_; }  // completed
  const ModelLayout& layout() const { return layout_; }

  // Elements [first, first + out.size()) of the parameter vector. Reads no more
  // than these.
  absl::Status Read(uint64_t first, absl::Span<float> out) const;
  // All of it. out: [layout().parameters].
  absl::Status ReadParameters(float* out) const {
    return Read(0, {out, static_cast<size_t>(layout_.parameters)});
  }

 private:
  ModelDirectory(ModelSpec model, ModelLayout layout, SafetensorsSet files);

  static absl::StatusOr<ModelDirectory> OpenModel(
      const SourceDirectory& directory, const ModelSpec& model);
  absl::Status CheckFiles() const;

  ModelSpec model_;
  ModelLayout layout_;
  SafetensorsSet files_;
  std::vector<MappedTensor> tensors_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_HUGGINGFACE_MODEL_DIRECTORY_H_
