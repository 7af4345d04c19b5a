#include "common/job/rules/codec_rules.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "common/codec/codec.h"
#include "common/job/job_rules.h"
#include "common/job/rules/checks.h"
#include "common/micro_batch_tree.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

// Defaults in. Whether the codec keeps a residual.
absl::StatusOr<bool> CompleteCodec(absl::string_view field, CodecSpec* spec) {
  const auto kind = FindCodec(spec->codec());
  if (!kind.ok()) return Broken(field, ".codec: ", kind.status().message());
  spec->set_codec(std::string(kind->name));
  if (spec->share() != 0 && kind->name != "top_k") {
    return Broken(field, ".share needs codec \"top_k\"");
  }
  const auto codec = kind->make({spec->codec(), spec->share()});
  if (!codec.ok()) return Broken(field, ".", codec.status().message());
  return (*codec)->keeps_residual();
}

absl::Status CheckFeedback(const JobSpec& job) {
  const bool may_count_other = job.scheduling().policy() == DYNAMIC &&
                               !job.scheduling().no_backups() &&
                               job.synchronisation().mode() == SYNCHRONOUS;
  if (!may_count_other) return absl::OkStatus();
  return Broken(
      "data_plane.push.codec is \"", job.data_plane().push().codec(),
      "\", whose residuals go wrong when another worker's push of the same "
      "micro-batch counts; set scheduling.no_backups, or use policy STATIC");
}

}  // namespace

void SetSumsPerStep(JobSpec* job) {
  const std::string& codec = job->data_plane().push().codec();
  if (codec.empty() || codec == "none") return;
  const auto kind = FindCodec(codec);
  if (!kind.ok() || job->data_plane().sums_per_step() != 0) return;
  const auto made = kind->make({codec, job->data_plane().push().share()});
  if (!made.ok() || (*made)->keeps_residual()) return;
  const uint32_t workers = std::max(1u, job->resources().workers());
  job->mutable_data_plane()->set_sums_per_step(
      std::min(std::bit_ceil(workers), MicroBatchTree::kMaxMicroBatches));
}

std::string NoteOnCodecs(const JobSpec& job) {
  const CodecSpec& push = job.data_plane().push();
  const bool is_synchronous =
      job.synchronisation().mode() == SYNCHRONOUS ||
      job.synchronisation().mode() == UPDATE_MODE_UNSPECIFIED;
  const auto kind = FindCodec(push.codec());
  if (!is_synchronous || !kind.ok()) return "";
  const auto codec = kind->make({push.codec(), push.share()});
  if (!codec.ok() || !(*codec)->keeps_residual()) return "";
  return absl::StrCat("by codec \"", push.codec(),
                      "\" the result depends on the workers, whose residuals "
                      "are a part of it");
}

absl::Status CompleteDataPlane(JobSpec* job) {
  DataPlaneSpec* spec = job->mutable_data_plane();
  ASSIGN_OR_RETURN(const bool push_keeps,
                   CompleteCodec("data_plane.push", spec->mutable_push()));
  ASSIGN_OR_RETURN(const bool pull_keeps,
                   CompleteCodec("data_plane.pull", spec->mutable_pull()));
  if (pull_keeps) {
    return Broken("data_plane.pull.codec is \"", spec->pull().codec(),
                  "\", which sends a part and the rest later: that suits "
                  "changes, and parameters are none; use \"bf16\", \"fp16\" "
                  "or \"int8\"");
  }
  if (push_keeps) RETURN_IF_ERROR(CheckFeedback(*job));
  const uint32_t sums = spec->sums_per_step();
  if (sums != 0 && (push_keeps || spec->push().codec() == "none")) {
    return Broken(
        "data_plane.sums_per_step needs data_plane.push.codec \"bf16\", "
        "\"fp16\" or \"int8\"");
  }
  if (sums != 0 &&
      (!std::has_single_bit(sums) || sums > MicroBatchTree::kMaxMicroBatches)) {
    return Broken("data_plane.sums_per_step is ", sums,
                  "; it must be a power of two, at most ",
                  MicroBatchTree::kMaxMicroBatches);
  }
  SetSumsPerStep(job);
  return absl::OkStatus();
}

}  // namespace hawser
