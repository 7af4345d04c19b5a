#include "scheduler/checkpoint_files.h"

#include <cerrno>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/files.h"
#include "common/output_directory.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr char kManifest[] = "manifest.json";

bool IsDirectoryOf(const std::filesystem::path& directory, uint64_t step) {
  return directory.is_absolute() &&
         directory.filename() == absl::StrCat("step-", step);
}

bool IsServerFile(absl::string_view name) {
  return absl::StartsWith(name, "server-") &&
         absl::EndsWith(name, ".safetensors");
}

// What a process that was killed did not come to rename.
bool IsTemporary(absl::string_view name) {
  return (absl::StartsWith(name, "server-") ||
          absl::StartsWith(name, absl::StrCat(kManifest, "."))) &&
         absl::StrContains(name, ".tmp-");
}

// Server files but for those named, and temporary ones.
void RemoveFiles(const std::filesystem::path& directory,
                 const std::set<std::string>& but) {
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    const bool goes =
        IsServerFile(name) ? but.count(name) == 0 : IsTemporary(name);
    std::error_code ignored;
    if (goes) std::filesystem::remove(entry.path(), ignored);
  }
}

void RemoveIfEmpty(const std::filesystem::path& directory,
                   const std::string& output_root) {
  const auto above =
      OutputDirectory::Open(output_root, directory.parent_path().string());
  if (!above.ok()) return;
  std::error_code ignored;
  std::filesystem::remove(above->Inside(directory.filename().string()),
                          ignored);
}

}  // namespace

void RemoveSupersededFiles(const CheckpointCommitted& checkpoint,
                           const std::string& output_root) {
  if (!IsDirectoryOf(checkpoint.directory(), checkpoint.step())) return;
  const auto directory =
      OutputDirectory::Open(output_root, checkpoint.directory());
  if (!directory.ok()) return;
  std::set<std::string> named;
  for (const CheckpointWritten& file : checkpoint.files()) {
    named.insert(file.file());
  }
  RemoveFiles(directory->handle(), named);
}

void RemoveAbandonedFiles(const std::vector<CheckpointWritten>& files,
                          const std::string& output_root) {
  std::error_code error;
  for (const CheckpointWritten& file : files) {
    if (!IsDirectoryOf(file.directory(), file.step())) continue;
    const auto directory = OutputDirectory::Open(output_root, file.directory());
    if (!directory.ok()) continue;
    if (std::filesystem::exists(directory->Inside(kManifest), error)) continue;
    if (std::filesystem::path(file.file()).filename() != file.file()) continue;
    std::filesystem::remove(directory->Inside(file.file()), error);
    RemoveIfEmpty(file.directory(), output_root);
  }
}

absl::Status RemoveCheckpoint(const CheckpointDropped& checkpoint,
                              const std::string& output_root,
                              FileCalls* calls) {
  if (!IsDirectoryOf(checkpoint.directory(), checkpoint.step())) {
    return absl::OkStatus();
  }
  const auto directory =
      OutputDirectory::Open(output_root, checkpoint.directory());
  if (absl::IsNotFound(directory.status())) return absl::OkStatus();
  RETURN_IF_ERROR(directory.status());
  std::error_code error;
  std::filesystem::remove(directory->Inside(kManifest), error);
  if (error) {
    errno = error.value();
    return SystemError("remove",
                       absl::StrCat(directory->path(), "/", kManifest));
  }
  // No file may go before the disk knows that the manifest has.
  const absl::Status flushed = FlushDirectory(directory->Inside(""), calls);
  if (!flushed.ok()) return directory->WithPath(flushed);
  RemoveFiles(directory->handle(), {});
  RemoveIfEmpty(checkpoint.directory(), output_root);
  return absl::OkStatus();
}

}  // namespace hawser
