#include "common/job/personalise.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/crc32c.h"
#include "common/job/job_rules.h"
#include "common/job/rules/personalise_rules.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

bool IsPartOfJobName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

// The user's part of the job's name: the user's name if it can be, otherwise
// what is left of it and a checksum, so that it depends on no other user.
std::string PartOf(const std::string& user, size_t most) {
  if (user.size() <= most &&
      std::all_of(user.begin(), user.end(), IsPartOfJobName)) {
    return user;
  }
  const std::string checksum = absl::StrCat(
      absl::Hex(Crc32c(user.data(), user.size()), absl::kZeroPad8));
  std::string part;
  for (const char c : user) {
    const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
    if (part.size() + 1 + checksum.size() == most) break;
    if (IsPartOfJobName(lower) && lower != '-') {
      part.push_back(lower);
    } else if (!part.empty() && part.back() != '-') {
      part.push_back('-');
    }
  }
  if (!part.empty() && part.back() != '-') part.push_back('-');
  return part + checksum;
}

JobSpec JobOfUser(const JobSpec& file, const std::string& entry) {
  const std::string user(absl::StripSuffix(entry, ".txt"));
  const std::string part = PartOf(user, kMaxUserPart);
  JobSpec job = file;
  job.set_name(absl::StrCat(file.name(), "-", part));
  PersonaliseSpec* personalise = job.mutable_personalise();
  personalise->clear_names();
  personalise->set_of(file.name());
  personalise->set_user(user);
  job.mutable_data()->mutable_text()->add_files(
      absl::StrCat(personalise->users(), "/", entry));
  const std::string& directory = file.checkpoint().directory();
  job.mutable_checkpoint()->set_directory(
      absl::StrCat(directory.empty() ? file.name() : directory, "/", part));
  return job;
}

JobSpec WithoutCluster(JobSpec job) {
  job.clear_resources();
  job.clear_limits();
  if (job.has_personalise()) job.mutable_personalise()->clear_at_once();
  return job;
}

}  // namespace

bool IsPersonalise(const JobSpec& spec) {
  return spec.has_personalise() && spec.personalise().user().empty();
}

absl::StatusOr<std::vector<JobSpec>> JobsOf(const JobSpec& spec) {
  std::vector<JobSpec> jobs;
  if (!IsPersonalise(spec)) {
    ASSIGN_OR_RETURN(jobs.emplace_back(), CompleteJob(spec));
    return jobs;
  }
  RETURN_IF_ERROR(CheckPersonaliseFile(spec));
  std::map<std::string, std::string> entries;  // by job name
  for (const std::string& entry : spec.personalise().names()) {
    const JobSpec job = JobOfUser(spec, entry);
    const auto [other, is_new] = entries.try_emplace(job.name(), entry);
    if (!is_new) {
      return absl::InvalidArgumentError(
          absl::StrCat("personalise: ", other->second, " and ", entry,
                       " would both be job ", job.name(), "; rename one"));
    }
    ASSIGN_OR_RETURN(jobs.emplace_back(), CompleteJob(job));
  }
  return jobs;
}

bool HaveSameResult(const JobSpec& one, const JobSpec& other) {
  return WithoutCluster(one).SerializeAsString() ==
         WithoutCluster(other).SerializeAsString();
}

}  // namespace hawser
