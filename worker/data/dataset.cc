#include "worker/data/dataset.h"

#include "worker/data/idx_dataset.h"
#include "worker/data/text_dataset.h"
#include "worker/data/token_file_dataset.h"

namespace hawser {

absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(
    const DataSpec& spec, const ModelSpec& model,
    const std::string& data_root) {
  switch (spec.source_case()) {
    case DataSpec::kIdx:
      return OpenIdxDataset(spec, data_root);
    case DataSpec::kText:
      return OpenTextDataset(spec.text(), model.gpt(), data_root);
    case DataSpec::kTokens:
      return OpenTokenFileDataset(spec.tokens(), model.gpt(), data_root);
    case DataSpec::SOURCE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("data is not set");
}

}  // namespace hawser
