#include "server/checkpoint.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/metrics_proto.h"
#include "common/output_directory.h"
#include "common/safetensors.h"
#include "common/status_macros.h"
#include "server/checkpoint_metadata.h"

namespace hawser {
namespace {

constexpr char kFormatVersion[] = "1";

// Files of the directory are named by its handle.
absl::StatusOr<CheckpointWritten> WriteIn(const OutputDirectory& directory,
                                          const CheckpointSnapshot& snapshot,
                                          FileCalls* calls) {
  std::vector<TensorEntry> entries;
  std::vector<const FloatBuffer*> contents;
  for (const BlockSnapshot& block : snapshot.blocks) {
    const auto add = [&](const std::string& what, const FloatBuffer* values) {
      entries.push_back({absl::StrCat("block.", block.block, ".", what),
                         {static_cast<uint64_t>(values->elements())}});
      contents.push_back(values);
    };
    add("parameters", block.parameters.get());
    for (size_t i = 0; i < block.state.size(); ++i) {
      add(block.state_names[i], block.state[i].get());
    }
  }
  ASSIGN_OR_RETURN(
      AtomicFile file,
      AtomicFile::Create(
          directory.Inside(absl::StrCat("server-", snapshot.server)), calls));
  std::map<std::string, std::string> metadata = {
      {"format", kFormatVersion},
      {"job", snapshot.job_name},
      {"step", absl::StrCat(snapshot.step)},
      {"server", absl::StrCat(snapshot.server)}};
  for (const BlockSnapshot& block : snapshot.blocks) {
    metadata[UpdatesKey(block.block)] = absl::StrCat(block.updates);
  }
  if (snapshot.epoch_training.has_value()) {
    const SampleSums& sums = *snapshot.epoch_training;
    metadata[kEpochTrainingKey] =
        absl::StrCat(sums.loss_nanonats, " ", sums.correct, " ", sums.samples);
  }
  RETURN_IF_ERROR(AppendSafetensorsHeader(entries, metadata, &file));
  for (const FloatBuffer* values : contents) {
    RETURN_IF_ERROR(
        file.Append(values->bytes().data(), values->bytes().size()));
  }
  const std::string name =
      absl::StrCat("server-", snapshot.server, "-",
                   absl::Hex(file.crc32c(), absl::kZeroPad8), ".safetensors");
  const std::string path = directory.Inside(name);
  RETURN_IF_ERROR(file.CommitAs(path));
  if (snapshot.is_last) {
    RETURN_IF_ERROR(CheckFile(path, file.bytes(), file.crc32c(), calls));
  }
  CheckpointWritten written;
  written.set_step(snapshot.step);
  written.set_file(name);
  written.set_directory(directory.path());
  written.set_bytes(file.bytes());
  written.set_crc32c(file.crc32c());
  if (snapshot.epoch_training.has_value()) {
    *written.mutable_epoch_training() = ToProto(*snapshot.epoch_training);
  }
  written.set_placed_since(snapshot.placed_since);
  return written;
}

}  // namespace

absl::StatusOr<CheckpointWritten> WriteCheckpoint(
    const CheckpointSnapshot& snapshot, const std::string& output_root,
    FileCalls* calls) {
  ASSIGN_OR_RETURN(const OutputDirectory directory,
                   OutputDirectory::Make(
                       output_root, absl::StrCat(snapshot.directory, "/step-",
                                                 snapshot.step)));
  auto written = WriteIn(directory, snapshot, calls);
  if (!written.ok()) return directory.WithPath(written.status());
  return written;
}

}  // namespace hawser
