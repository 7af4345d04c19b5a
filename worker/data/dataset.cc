#include "worker/data/dataset.h"

#include "worker/data/idx_dataset.h"

namespace hawser {

absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(
    const DataSpec& spec, const ModelSpec& model,
    const std::string& data_root) {
  switch (spec.source_case()) {
    case DataSpec::kIdx:
      return OpenIdxDataset(spec, data_root);
    case DataSpec::kText:
    case DataSpec::kTokens:
      (void)model;
      return absl::UnimplementedError("text is not read yet");
    case DataSpec::SOURCE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("data is not set");
}

}  // namespace hawser
