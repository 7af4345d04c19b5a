#include "common/job/rules/from_rules.h"

#include <filesystem>
#include <string>

#include "common/job/rules/checks.h"

namespace hawser {
namespace {

absl::Status CheckDirectory(absl::string_view field, const std::string& path) {
  if (path.empty()) return Broken(field, " is empty; it must be a directory");
  return CheckPath(field, path);
}

// "a/./b/" and "a/b" are the same.
std::string Normal(const std::string& path) {
  return (std::filesystem::path(path) / "").lexically_normal().string();
}

}  // namespace

absl::Status CheckFrom(const JobSpec& job) {
  const std::string& checkpoint = job.from().checkpoint();
  switch (job.from().source_case()) {
    case FromSpec::kModel:
      return CheckDirectory("from.model", job.from().model());
    case FromSpec::kCheckpoint:
      // The newest one there would soon be the job's own.
      if (Normal(checkpoint) == Normal(job.checkpoint().directory())) {
        return Broken("from.checkpoint is ", checkpoint,
                      ", where the job writes its own checkpoints; name a ",
                      "step (", checkpoint,
                      "/step-N) or set checkpoint.directory");
      }
      return CheckDirectory("from.checkpoint", checkpoint);
    case FromSpec::SOURCE_NOT_SET:
      break;
  }
  return Broken("from needs one of model and checkpoint");
}

}  // namespace hawser
