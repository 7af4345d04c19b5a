// Images and labels in IDX files: MNIST, Fashion-MNIST and their kin.
#ifndef HAWSER_WORKER_DATA_IDX_DATASET_H_
#define HAWSER_WORKER_DATA_IDX_DATASET_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"

namespace hawser {

absl::StatusOr<std::unique_ptr<Dataset>> OpenIdxDataset(
    const DataSpec& spec, const std::string& data_root);

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_IDX_DATASET_H_
