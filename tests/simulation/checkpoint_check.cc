#include "tests/simulation/checkpoint_check.h"

#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/checkpoint/checkpoint_verifier.h"
#include "common/checkpoint/manifest.h"
#include "common/crc32c.h"
#include "common/safetensors.h"
#include "common/source_directory.h"

namespace hawser::simulation {
namespace {

// Directories with a manifest.
std::vector<std::string> ManifestsBelow(const std::string& output_root) {
  std::vector<std::string> directories;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(output_root, error)) {
    if (entry.path().filename() == kManifestFile) {
      directories.push_back(entry.path().parent_path().string());
    }
  }
  return directories;
}

// Of a checkpoint that is whole.
void ReadTensors(const std::string& directory, CheckpointTensors* tensors) {
  const SourceDirectory source = SourceDirectory::Anywhere(directory);
  const auto text = source.Read(kManifestFile, 1 << 24);
  const auto manifest = ParseManifest(text.value());
  for (const CheckpointFile& file : manifest->files) {
    const auto reader = SafetensorsReader::Open(source.PathOf(file.name));
    for (const auto& [name, tensor] : reader->tensors()) {
      std::vector<float> values(tensor.elements);
      if (!reader->Read(name, absl::MakeSpan(values)).ok()) continue;
      (*tensors)[{manifest->step, name}] =
          Crc32c(values.data(), values.size() * sizeof(float));
    }
  }
}

// Listed by the journal, by step: the directories.
std::map<uint64_t, std::string> Listed(const std::vector<JournalEvent>& journal,
                                       uint64_t job) {
  std::map<uint64_t, std::string> listed;
  for (const JournalEvent& event : journal) {
    const CheckpointCommitted& committed = event.checkpoint_committed();
    const CheckpointDropped& dropped = event.checkpoint_dropped();
    if (committed.job() == job)
      listed[committed.step()] = committed.directory();
    if (dropped.job() == job) listed.erase(dropped.step());
  }
  return listed;
}

}  // namespace

CheckpointTensors ReadCheckpointTensors(const std::string& output_root) {
  CheckpointTensors tensors;
  for (const std::string& directory : ManifestsBelow(output_root)) {
    ReadTensors(directory, &tensors);
  }
  return tensors;
}

std::optional<std::string> CheckCheckpoints(
    const std::string& output_root, const std::vector<JournalEvent>& journal,
    const JobStatus& job, const Reference* reference) {
  std::set<std::string> whole;
  for (const std::string& directory : ManifestsBelow(output_root)) {
    const CheckpointVerdict verdict =
        VerifyCheckpoint(SourceDirectory::Anywhere(directory), nullptr);
    for (const FileVerdict& file : verdict.files) {
      if (file.problem.empty()) continue;
      return absl::StrCat("checkpoint: ", file.path, ": ", file.problem);
    }
    whole.insert(directory);
  }
  const auto listed = Listed(journal, job.job());
  for (const auto& [step, directory] : listed) {
    if (whole.count(directory) != 0) continue;
    return absl::StrCat("checkpoint: the journal lists step ", step, ", but ",
                        directory, " has no manifest");
  }
  const uint64_t newest = listed.empty() ? 0 : listed.rbegin()->first;
  if (newest != job.checkpoint_step()) {
    return absl::StrCat("checkpoint: the newest is of step ", newest,
                        ", the job's client was told of step ",
                        job.checkpoint_step());
  }
  if (reference == nullptr || !reference->has_one_result) return std::nullopt;
  for (const auto& [place, crc32c] : ReadCheckpointTensors(output_root)) {
    const auto expected = reference->checkpoints.find(place);
    if (expected == reference->checkpoints.end()) continue;
    if (expected->second == crc32c) continue;
    return absl::StrCat("checkpoint: ", place.second, " of step ", place.first,
                        " is not that of the fault-free run");
  }
  return std::nullopt;
}

}  // namespace hawser::simulation
