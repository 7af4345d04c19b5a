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

}  // namespace

void RemoveSupersededFiles(const CheckpointCommitted& checkpoint) {
  if (!IsDirectoryOf(checkpoint.directory(), checkpoint.step())) return;
  std::set<std::string> named;
  for (const CheckpointWritten& file : checkpoint.files()) {
    named.insert(file.file());
  }
  RemoveFiles(checkpoint.directory(), named);
}

void RemoveAbandonedFiles(const std::vector<CheckpointWritten>& files) {
  std::error_code error;
  for (const CheckpointWritten& file : files) {
    const std::filesystem::path directory = file.directory();
    if (!IsDirectoryOf(directory, file.step())) continue;
    if (std::filesystem::exists(directory / kManifest, error)) continue;
    if (std::filesystem::path(file.file()).filename() != file.file()) continue;
    std::filesystem::remove(directory / file.file(), error);
    std::filesystem::remove(directory, error);  // if it is empty
  }
}

absl::Status RemoveCheckpoint(const CheckpointDropped& checkpoint,
                              FileCalls* calls) {
  const std::filesystem::path directory = checkpoint.directory();
  if (!IsDirectoryOf(directory, checkpoint.step())) return absl::OkStatus();
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    return absl::OkStatus();
  }
  const std::string manifest = (directory / kManifest).string();
  std::filesystem::remove(manifest, error);
  if (error) {
    errno = error.value();
    return SystemError("remove", manifest);
  }
  // No file may go before the disk knows that the manifest has.
  RETURN_IF_ERROR(FlushDirectory(directory.string(), calls));
  RemoveFiles(directory, {});
  std::filesystem::remove(directory, error);  // if it is empty
  return absl::OkStatus();
}

}  // namespace hawser
