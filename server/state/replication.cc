#include "server/state/replication.h"

#include <algorithm>

namespace hawser {

void Replication::Adopt(Replica replica) {
  replica_ = replica;
  is_level_ = false;
  on_its_way_.clear();
}

Replication::Verdict Replication::Offer(uint64_t update) {
  if (!is_needed()) return Verdict::kMake;
  if (!is_level_ || std::find(on_its_way_.begin(), on_its_way_.end(), update) !=
                        on_its_way_.end()) {
    return Verdict::kWait;
  }
  on_its_way_.push_back(update);
  return Verdict::kSend;
}

bool Replication::Answered(uint64_t update) {
  if (on_its_way_.empty() || on_its_way_.front() != update) return false;
  on_its_way_.pop_front();
  return true;
}

}  // namespace hawser
