// Requests that wait for news, each of one subject: a node, whose orders it
// wants, or a job, whose status it wants. News of a subject and a time that has
// come lead to those whom they concern; nobody else is looked at, so that a
// heartbeat of one member costs the same with ten members as with ten thousand.
//
// Not thread-safe.
#ifndef HAWSER_SCHEDULER_PARKED_REQUESTS_H_
#define HAWSER_SCHEDULER_PARKED_REQUESTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "scheduler/state/deadlines.h"

namespace hawser {

class ParkedRequests {
 public:
  using Completion = absl::AnyInvocable<void(absl::Status)>;
  struct Request {
    // Number of a node or of a job; no number is both.
    uint64_t subject = 0;
    // Fills in the answer when there is one. With `last_call` it answers in any
    // case.
    std::function<bool(bool last_call, absl::Status* status)> ready;
    Completion done;
  };
  // Whom to tell what, in order of parking.
  using Answers = std::vector<std::pair<Completion, absl::Status>>;

  void Park(Request request, absl::Time deadline);

  // Removes those that have an answer now: of these subjects, and those whose
  // deadline has come.
  Answers Collect(const std::set<uint64_t>& news, absl::Time now);
  // Removes all of them.
  std::vector<Completion> TakeAll();

  size_t size() const { return requests_.size(); }
  absl::Time NextDeadline() const { return deadlines_.First(); }
  // How often a request was asked whether it is ready, since the beginning.
  uint64_t asked() const { return asked_; }

 private:
  std::map<uint64_t, Request> requests_;  // by number, in order of parking
  std::map<uint64_t, std::set<uint64_t>> of_subject_;
  Deadlines deadlines_;
  uint64_t next_number_ = 0;
  uint64_t asked_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_PARKED_REQUESTS_H_
