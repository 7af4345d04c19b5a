#include "tests/simulation/links.h"

#include <algorithm>

namespace hawser::simulation {

absl::Time Links::Transfer(uint32_t from, uint32_t to, uint64_t bytes,
                           uint64_t parameter_bytes, absl::Time now) {
  const double charged =
      static_cast<double>(bytes - parameter_bytes) +
      static_cast<double>(parameter_bytes) * parameter_factor_;
  return std::max(Occupy(&out_, from, charged, now),
                  Occupy(&in_, to, charged, now));
}

absl::Time Links::Occupy(Direction* direction, uint32_t process, double bytes,
                         absl::Time now) {
  const auto speed = bytes_per_second_.find(process);
  if (speed == bytes_per_second_.end()) return now;
  absl::Time& free = direction->emplace(process, now).first->second;
  free = std::max(free, now) + absl::Seconds(bytes / speed->second);
  return free;
}

}  // namespace hawser::simulation
