#include "tests/simulation/event_log.h"

#include <cstring>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace hawser::simulation {

void EventLog::Fold(uint64_t word) {
  hash_ = (hash_ ^ word) * 0x100000001b3;
  hash_ ^= hash_ >> 32;  // whole words: the high bits must come down
}

void EventLog::Fold(absl::string_view text) {
  Fold(text.size());
  while (!text.empty()) {
    uint64_t word = 0;
    const size_t bytes =
        text.size() < sizeof(word) ? text.size() : sizeof(word);
    std::memcpy(&word, text.data(), bytes);
    Fold(word);
    text.remove_prefix(bytes);
  }
}

void EventLog::Note(absl::string_view who, absl::string_view what,
                    std::initializer_list<Detail> details) {
  Fold(static_cast<uint64_t>(absl::ToInt64Nanoseconds(timeline_->elapsed())));
  Fold(who);
  Fold(what);
  for (const auto& [name, value] : details) Fold(value);
  if (trace_ == nullptr) return;
  *trace_ << absl::StrFormat("%12.6f %-10s %s",
                             absl::ToDoubleSeconds(timeline_->elapsed()), who,
                             what);
  for (const auto& [name, value] : details) {
    *trace_ << " " << name << "=" << value;
  }
  *trace_ << "\n";
}

void EventLog::Remark(absl::string_view text) {
  if (trace_ == nullptr) return;
  *trace_ << absl::StrFormat("%12.6f            %s\n",
                             absl::ToDoubleSeconds(timeline_->elapsed()), text);
}

}  // namespace hawser::simulation
