// Names in the metadata of a server's checkpoint file: what the updates after
// it depend on, besides vectors (docs/checkpoint_format.md).
#ifndef HAWSER_SERVER_CHECKPOINT_METADATA_H_
#define HAWSER_SERVER_CHECKPOINT_METADATA_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace hawser {

// Updates that a block's optimizer has made since its state was fresh.
inline std::string UpdatesKey(uint32_t block) {
  return absl::StrCat("block.", block, ".updates");
}

// With block 0: "LOSS_NANONATS CORRECT SAMPLES", sums over the samples of the
// epoch of the step before the checkpoint's, from its first step on.
inline constexpr char kEpochTrainingKey[] = "epoch_training";

}  // namespace hawser

#endif  // HAWSER_SERVER_CHECKPOINT_METADATA_H_
