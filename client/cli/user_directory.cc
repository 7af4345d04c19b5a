#include "client/cli/user_directory.h"

#include <set>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/job/personalise.h"

namespace hawser {

namespace fs = std::filesystem;

absl::Status FillInUsers(const fs::path& data_root, JobSpec* job) {
  if (!IsPersonalise(*job) || job->personalise().names_size() != 0 ||
      job->personalise().users().empty()) {
    return absl::OkStatus();
  }
  const fs::path directory = data_root / job->personalise().users();
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name[0] != '.') names.insert(name);
    if (names.size() > kMaxUsers) {
      return absl::InvalidArgumentError(
          absl::StrCat(directory.string(), " has more than ", kMaxUsers,
                       " users; take some at a time with personalise.names"));
    }
  }
  if (error) {
    return absl::NotFoundError(absl::StrCat(
        "personalise.users: cannot list ", directory.string(), ": ",
        error.message(), "; say where this machine sees the workers' data ",
        "root with --data-root, or name the users with personalise.names"));
  }
  for (const std::string& name : names) {
    job->mutable_personalise()->add_names(name);
  }
  return absl::OkStatus();
}

}  // namespace hawser
