#include "tests/simulation/checkpoint_check.h"

#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "common/checkpoint/checkpoint_verifier.h"
#include "common/checkpoint/manifest.h"
#include "common/crc32c.h"
#include "common/safetensors.h"
#include "common/source_directory.h"

namespace hawser::simulation {
namespace {

// So many of the newest checkpoints are looked into.
constexpr size_t kMostRead = 20;

// Directories with a manifest, by step.
std::map<uint64_t, std::string> ManifestsBelow(const std::string& output_root) {
  std::map<uint64_t, std::string> directories;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(output_root, error)) {
    if (entry.path().filename() != kManifestFile) continue;
    const std::filesystem::path directory = entry.path().parent_path();
    absl::string_view name = directory.filename().native();
    uint64_t step = 0;
    if (absl::ConsumePrefix(&name, "step-") && absl::SimpleAtoi(name, &step)) {
      directories[step] = directory.string();
    }
  }
  return directories;
}

void ReadTensors(uint64_t step, const std::string& directory,
                 CheckpointTensors* tensors) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".safetensors") continue;
    const auto reader = SafetensorsReader::Open(entry.path().string());
    if (!reader.ok()) continue;
    for (const auto& [name, tensor] : reader->tensors()) {
      std::vector<float> values(tensor.elements);
      if (!reader->Read(name, absl::MakeSpan(values)).ok()) continue;
      (*tensors)[{step, name}] =
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
  for (const auto& [step, directory] : ManifestsBelow(output_root)) {
    ReadTensors(step, directory, &tensors);
  }
  return tensors;
}

std::optional<std::string> CheckCheckpoints(
    const std::string& output_root, const std::vector<JournalEvent>& journal,
    const JobStatus& job, const Reference* reference) {
  std::set<std::string> with_manifest;
  CheckpointTensors tensors;
  const auto manifests = ManifestsBelow(output_root);
  size_t read = 0;
  for (auto it = manifests.rbegin(); it != manifests.rend(); ++it) {
    with_manifest.insert(it->second);
    if (++read > kMostRead) continue;
    const CheckpointVerdict verdict =
        VerifyCheckpoint(SourceDirectory::Anywhere(it->second), nullptr);
    for (const FileVerdict& file : verdict.files) {
      if (file.problem.empty()) continue;
      return absl::StrCat("checkpoint: ", file.path, ": ", file.problem);
    }
    ReadTensors(it->first, it->second, &tensors);
  }
  const auto listed = Listed(journal, job.job());
  for (const auto& [step, directory] : listed) {
    if (with_manifest.count(directory) != 0) continue;
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
  for (const auto& [place, crc32c] : tensors) {
    const auto expected = reference->checkpoints.find(place);
    if (expected == reference->checkpoints.end()) continue;
    if (expected->second == crc32c) continue;
    return absl::StrCat("checkpoint: ", place.second, " of step ", place.first,
                        " is not that of the fault-free run");
  }
  return std::nullopt;
}

}  // namespace hawser::simulation
