// What happened and when, folded into one number: two runs that log the same
// are the same run. With a stream to write to, also for people to read.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_EVENT_LOG_H_
#define HAWSER_TESTS_SIMULATION_EVENT_LOG_H_

#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <utility>

#include "absl/strings/string_view.h"
#include "tests/simulation/timeline.h"

namespace hawser::simulation {

class EventLog {
 public:
  using Detail = std::pair<absl::string_view, uint64_t>;

  // trace: null: nobody reads. Both outlive the log.
  EventLog(const Timeline* timeline, std::ostream* trace)
      : timeline_(timeline), trace_(trace) {}

  // Everything counts but the details' names.
  void Note(absl::string_view who, absl::string_view what,
            std::initializer_list<Detail> details = {});
  // For readers alone: does not count.
  void Remark(absl::string_view text);

  uint64_t hash() const { return hash_; }
  bool traced() const { return trace_ != nullptr; }

 private:
  void Fold(uint64_t word);
  void Fold(absl::string_view text);

  const Timeline* const timeline_;
  std::ostream* const trace_;
  uint64_t hash_ = 0xcbf29ce484222325;  // FNV-1a, a word at a time
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_EVENT_LOG_H_
