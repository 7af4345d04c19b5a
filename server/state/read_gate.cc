#include "server/state/read_gate.h"

#include <utility>

namespace hawser {

ReadGate::Verdict ReadGate::Request(uint64_t wanted, uint64_t token) {
  if (wanted == version_) return Verdict::kServe;
  if (version_ > 0 && wanted == version_ - 1) return Verdict::kServe;
  if (wanted != version_ + 1) return Verdict::kRefuse;
  if (parked_.size() == kMaxParked) return Verdict::kFull;
  parked_.push_back(token);
  return Verdict::kPark;
}

std::vector<uint64_t> ReadGate::Advance() {
  ++version_;
  return std::exchange(parked_, {});
}

std::vector<uint64_t> ReadGate::Dismiss() { return std::exchange(parked_, {}); }

}  // namespace hawser
