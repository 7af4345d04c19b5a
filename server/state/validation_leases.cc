#include "server/state/validation_leases.h"

#include <algorithm>

namespace hawser {

bool ValidationLeases::Start(uint64_t version) {
  if (chunks_ == 0 || version <= version_) return false;
  version_ = version;
  left_ = chunks_;
  StartOver();
  return true;
}

void ValidationLeases::SkipTo(uint64_t version) {
  if (left_ == 0 && version > version_) version_ = version - 1;
}

void ValidationLeases::StartOver() {
  if (left_ == 0) return;
  left_ = chunks_;
  pending_.Clear();
  pending_.Add({0, chunks_});
}

void ValidationLeases::Restore(uint64_t version, bool active) {
  version_ = version;
  left_ = active ? chunks_ : 0;
  pending_.Clear();
  StartOver();
}

std::optional<Run> ValidationLeases::Take(uint64_t workers) {
  // Small enough that a slow worker does not hold up the others.
  return pending_.Take(std::max<uint64_t>(1, pending_.size() / (2 * workers)));
}

}  // namespace hawser
