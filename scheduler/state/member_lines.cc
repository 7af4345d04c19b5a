#include "scheduler/state/member_lines.h"

#include <algorithm>

namespace hawser {
namespace {

// Of names, which are a job's and "worker 7".
constexpr size_t kMaxNameBytes = 100;

std::string Cut(const std::string& text, size_t most) {
  return text.size() <= most ? text : text.substr(0, most);
}

}  // namespace

bool MemberLines::Add(const MemberLine& line) {
  if (line.job().empty() || line.job().size() > kMaxNameBytes) return false;
  const auto [found, is_new] = jobs_.try_emplace(line.job());
  OfJob& job = found->second;
  job.written = ++added_;
  MemberLine added = line;
  added.clear_job();
  added.set_text(Cut(line.text(), kMaxLineBytes));
  added.set_source(Cut(line.source(), kMaxNameBytes));
  added.set_level(Cut(line.level(), kMaxNameBytes));
  job.lines.push_back(added.SerializeAsString());
  if (job.lines.size() > kMaxLines) {
    job.lines.pop_front();
    ++job.first;
  }
  if (jobs_.size() > kMaxJobs) ForgetOldest();
  return is_new;
}

void MemberLines::KeepOnly(
    const std::function<bool(const std::string& job)>& is_kept) {
  std::erase_if(jobs_, [&](const auto& job) { return !is_kept(job.first); });
}

void MemberLines::ForgetOldest() {
  jobs_.erase(std::min_element(jobs_.begin(), jobs_.end(),
                               [](const auto& a, const auto& b) {
                                 return a.second.written < b.second.written;
                               }));
}

void MemberLines::Read(const std::string& job, uint64_t first_line,
                       GetLinesResponse* response) const {
  response->set_next_line(first_line);
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return;
  const auto& [lines, first, written] = found->second;
  const uint64_t end = first + lines.size();
  // One who has read a longer log, of a scheduler before, begins anew.
  uint64_t number = first_line > end ? first : std::max(first_line, first);
  for (; number < end; ++number) {
    MemberLine* const line = response->add_lines();
    line->ParseFromString(lines[number - first]);
    line->set_job(job);
  }
  response->set_next_line(end);
}

}  // namespace hawser
