#include "scheduler/parked_requests.h"

namespace hawser {

void ParkedRequests::Park(Request request, absl::Time deadline) {
  const uint64_t number = next_number_++;
  of_subject_[request.subject].insert(number);
  deadlines_.Set(number, deadline);
  requests_.emplace(number, std::move(request));
}

ParkedRequests::Answers ParkedRequests::Collect(const std::set<uint64_t>& news,
                                                absl::Time now) {
  std::map<uint64_t, bool> last_call;  // by number of the request
  for (const uint64_t subject : news) {
    const auto of_subject = of_subject_.find(subject);
    if (of_subject == of_subject_.end()) continue;
    for (const uint64_t number : of_subject->second) last_call[number] = false;
  }
  for (const uint64_t number : deadlines_.TakeDue(now)) {
    last_call[number] = true;
  }
  Answers answers;
  for (const auto& [number, is_last] : last_call) {
    const auto found = requests_.find(number);
    Request& request = found->second;
    absl::Status status;
    ++asked_;
    if (!request.ready(is_last, &status)) continue;
    answers.emplace_back(std::move(request.done), status);
    const auto of_subject = of_subject_.find(request.subject);
    of_subject->second.erase(number);
    if (of_subject->second.empty()) of_subject_.erase(of_subject);
    deadlines_.Remove(number);
    requests_.erase(found);
  }
  return answers;
}

std::vector<ParkedRequests::Completion> ParkedRequests::TakeAll() {
  std::vector<Completion> all;
  for (auto& [number, request] : requests_) {
    all.push_back(std::move(request.done));
  }
  requests_.clear();
  of_subject_.clear();
  deadlines_ = Deadlines();
  return all;
}

}  // namespace hawser
