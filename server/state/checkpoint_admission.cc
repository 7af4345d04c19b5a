#include "server/state/checkpoint_admission.h"

namespace hawser {

bool CheckpointAdmission::Admit(uint64_t version, bool is_last) {
  const auto [found, is_first] = decisions_.try_emplace(version);
  Decision& decision = found->second;
  if (is_first) {
    decision = {.admitted = is_last || in_hand_.empty(),
                .blocks_left = blocks_};
    if (decision.admitted) {
      in_hand_.insert(version);
    } else {
      skipped_.push_back(version);
    }
  }
  const bool admitted = decision.admitted;
  if (--decision.blocks_left == 0) decisions_.erase(found);
  return admitted;
}

}  // namespace hawser
