#include "scheduler/user_jobs.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

namespace hawser {
namespace {

const std::string& FileName(const JobSpec& job) {
  return job.personalise().of().empty() ? job.name() : job.personalise().of();
}

bool HasEnded(const JobStatus& status) {
  return status.state() == SUCCEEDED || status.state() == FAILED ||
         status.state() == CANCELLED;
}

}  // namespace

absl::Status UserJobs::Check(const Identity* user, const JobSpec& job,
                             const ListJobsResponse& all_jobs) {
  if (user == nullptr) return absl::OkStatus();
  size_t active = 0;
  std::set<std::string> there;
  for (const JobStatus& status : all_jobs.jobs()) {
    if (HasEnded(status)) continue;
    const std::string& name = FileName(status.spec());
    there.insert(name);
    const auto owner = owners_.find(name);
    if (owner != owners_.end() && owner->second == user->name) ++active;
  }
  // Of what has ended nothing is to be known any more.
  std::erase_if(owners_, [&](const auto& entry) {
    return there.count(entry.first) == 0;
  });
  const auto more =
      std::max<size_t>(1, static_cast<size_t>(job.personalise().names_size()));
  if (active + more <= most_) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      user->name, " has ", active, " jobs that wait or run, and may have ",
      most_, " (--max-jobs-per-user); cancel some, or wait"));
}

void UserJobs::Accepted(const Identity* user, const JobSpec& job) {
  if (user != nullptr) owners_[FileName(job)] = user->name;
}

}  // namespace hawser
