#include "tests/simulation/timeline.h"

#include <algorithm>
#include <utility>

namespace hawser::simulation {

bool Timeline::IsLater(const Event& a, const Event& b) {
  return a.time != b.time ? a.time > b.time : a.number > b.number;
}

void Timeline::At(absl::Time time, Task task) {
  events_.push_back({std::max(time, now_), asked_++, std::move(task)});
  std::push_heap(events_.begin(), events_.end(), IsLater);
}

bool Timeline::RunNext() {
  if (events_.empty()) return false;
  std::pop_heap(events_.begin(), events_.end(), IsLater);
  Event event = std::move(events_.back());
  events_.pop_back();
  now_ = event.time;
  ++executed_;
  event.task();
  return true;
}

}  // namespace hawser::simulation
