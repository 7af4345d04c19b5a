#include "common/job/rules/data_rules.h"

#include "common/job/rules/checks.h"
#include "common/status_macros.h"

namespace hawser {

absl::Status CompleteData(DataSpec* data) {
  if (!data->has_idx()) return Broken("data is not set; use data { idx { } }");
  const IdxSpec& idx = data->idx();
  RETURN_IF_ERROR(CheckPath("data.idx.directory", idx.directory()));
  RETURN_IF_ERROR(CheckPath("data.idx.train_images", idx.train_images()));
  RETURN_IF_ERROR(CheckPath("data.idx.train_labels", idx.train_labels()));
  RETURN_IF_ERROR(
      CheckPath("data.idx.validation_images", idx.validation_images()));
  RETURN_IF_ERROR(
      CheckPath("data.idx.validation_labels", idx.validation_labels()));
  RETURN_IF_ERROR(CheckEnum("data.partition",
                            Partition_IsValid(data->partition()),
                            data->partition()));
  if (data->partition() == PARTITION_UNSPECIFIED) data->set_partition(RANDOM);
  if (!data->has_augmentation()) return absl::OkStatus();
  AugmentationSpec* augmentation = data->mutable_augmentation();
  RETURN_IF_ERROR(CheckRange("data.augmentation.shift_pixels",
                             augmentation->shift_pixels(), 0, 1000));
  RETURN_IF_ERROR(CheckUpTo("data.augmentation.rotation_degrees",
                            augmentation->rotation_degrees(), 180));
  RETURN_IF_ERROR(
      CheckRange("data.augmentation.scale", augmentation->scale(), 0, 1));
  RETURN_IF_ERROR(CheckRange("data.augmentation.elastic_strength_pixels",
                             augmentation->elastic_strength_pixels(), 0, 1000));
  RETURN_IF_ERROR(CheckRange("data.augmentation.elastic_sigma_pixels",
                             augmentation->elastic_sigma_pixels(), 0, 100));
  if (augmentation->elastic_strength_pixels() > 0 &&
      augmentation->elastic_sigma_pixels() == 0) {
    augmentation->set_elastic_sigma_pixels(4);
  }
  return absl::OkStatus();
}

}  // namespace hawser
