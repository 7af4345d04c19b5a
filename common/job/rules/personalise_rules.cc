#include "common/job/rules/personalise_rules.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/job/personalise.h"
#include "common/job/rules/checks.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr size_t kMaxFileName = 255;
constexpr size_t kMaxJobName = 63;
constexpr uint32_t kMaxAtOnce = kMaxUsers;

absl::Status CheckEntry(const std::string& name) {
  if (name.empty() || name.size() > kMaxFileName || name[0] == '.' ||
      name == ".txt" || absl::StrContains(name, '/') ||
      absl::StrContains(name, '\0')) {
    return Broken("personalise.names has \"", name,
                  "\"; it must be the name of a directory or text file inside ",
                  "personalise.users, not starting with a dot");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPersonaliseFile(const JobSpec& spec) {
  const PersonaliseSpec& personalise = spec.personalise();
  if (personalise.users().empty()) {
    return Broken(
        "personalise.users is empty; name the directory with the users' texts");
  }
  RETURN_IF_ERROR(CheckPath("personalise.users", personalise.users()));
  if (!personalise.of().empty()) {
    return Broken("personalise.of is filled in by the scheduler; leave it out");
  }
  if (!spec.data().has_text()) {
    return Broken("personalise needs data { text { } }");
  }
  if (spec.data().text().files_size() != 0 ||
      spec.data().text().validation_files_size() != 0) {
    return Broken(
        "data.text.files and data.text.validation_files are each user's own "
        "with personalise; leave them out");
  }
  if (spec.name().size() + 1 + kMaxUserPart > kMaxJobName) {
    return Broken("name is \"", spec.name(), "\"; with personalise it has at ",
                  "most ", kMaxJobName - kMaxUserPart - 1,
                  " characters, so that the users' names go with it");
  }
  if (personalise.names().empty()) {
    return Broken("personalise.users, ", personalise.users(),
                  ", has no users; put a directory of texts, or a text file, "
                  "for each into it");
  }
  if (personalise.names_size() > kMaxUsers) {
    return Broken("personalise has ", personalise.names_size(),
                  " users; the most is ", kMaxUsers,
                  ", split them with personalise.names");
  }
  for (const std::string& name : personalise.names()) {
    RETURN_IF_ERROR(CheckEntry(name));
  }
  return absl::OkStatus();
}

absl::Status CompletePersonalise(JobSpec* job) {
  PersonaliseSpec* personalise = job->mutable_personalise();
  if (personalise->of().empty() || personalise->user().empty()) {
    return Broken(
        "personalise.of and personalise.user are filled in by the scheduler; "
        "leave them out");
  }
  if (!job->has_from()) {
    return Broken(
        "personalise needs from { model } or from { checkpoint }: the model "
        "that every user starts from");
  }
  if (job->synchronisation().mode() != SYNCHRONOUS ||
      job->scheduling().policy() != STATIC) {
    return Broken(
        "personalise needs synchronisation.mode SYNCHRONOUS and "
        "scheduling.policy STATIC, the defaults");
  }
  if (personalise->at_once() == 0) personalise->set_at_once(1);
  if (personalise->at_once() > kMaxAtOnce) {
    return Broken("personalise.at_once is ", personalise->at_once(),
                  "; the most is ", kMaxAtOnce);
  }
  return absl::OkStatus();
}

}  // namespace hawser
