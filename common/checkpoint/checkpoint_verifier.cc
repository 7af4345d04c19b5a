#include "common/checkpoint/checkpoint_verifier.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/checkpoint/manifest.h"
#include "common/crc32c.h"
#include "common/files.h"
#include "common/safetensors.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr size_t kMaxManifestBytes = 256 << 20;
constexpr uint64_t kPieceBytes = 1 << 20;

// By name: the elements of a tensor, and which of the verdict's files has it.
using Tensors = std::map<std::string, std::pair<uint64_t, size_t>>;

class Verification {
 public:
  Verification(const SourceDirectory& directory, const VerifyProgress& progress)
      : directory_(directory), progress_(progress) {}

  CheckpointVerdict Run() {
    verdict_.directory = directory_.path();
    const absl::Status read = ReadManifest();
    Add(directory_.PathOf(kManifestFile), read);
    if (!read.ok()) return std::move(verdict_);
    for (const CheckpointFile& file : manifest_.files) {
      verdict_.bytes += file.bytes;
    }
    for (const CheckpointFile& file : manifest_.files) {
      Add(directory_.PathOf(file.name), CheckOne(file));
    }
    CheckBlocks();
    return std::move(verdict_);
  }

 private:
  void Add(const std::string& path, const absl::Status& status) {
    verdict_.files.push_back({path, std::string(status.message())});
  }
  // The first thing that is wrong is the one to tell.
  void Blame(size_t file, const std::string& problem) {
    std::string& known = verdict_.files[file].problem;
    if (known.empty()) known = problem;
  }

  absl::Status ReadManifest() {
    ASSIGN_OR_RETURN(const std::string text,
                     directory_.Read(kManifestFile, kMaxManifestBytes));
    ASSIGN_OR_RETURN(manifest_, ParseManifest(text));
    verdict_.job = manifest_.job;
    verdict_.step = manifest_.step;
    verdict_.parameters = manifest_.parameters;
    return absl::OkStatus();
  }

  absl::Status CheckOne(const CheckpointFile& entry) {
    ASSIGN_OR_RETURN(FileDescriptor file, directory_.Open(entry.name));
    RETURN_IF_ERROR(CheckBytes(entry, file));
    ASSIGN_OR_RETURN(const SafetensorsReader reader,
                     SafetensorsReader::Open(std::move(file),
                                             directory_.PathOf(entry.name)));
    const auto step = reader.metadata().find("step");
    if (step != reader.metadata().end() &&
        step->second != absl::StrCat(manifest_.step)) {
      return absl::DataLossError(absl::StrCat("it is of step ", step->second,
                                              ", its manifest of ",
                                              manifest_.step));
    }
    for (const auto& [name, tensor] : reader.tensors()) {
      const bool is_new =
          tensors_
              .emplace(name, std::pair(tensor.elements, verdict_.files.size()))
              .second;
      if (!is_new) {
        return absl::DataLossError(
            absl::StrCat("another file has its tensor ", name, ", too"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckBytes(const CheckpointFile& entry,
                          const FileDescriptor& file) {
    struct stat status;
    if (::fstat(file.get(), &status) != 0) {
      return SystemError("stat", entry.name);
    }
    if (static_cast<uint64_t>(status.st_size) != entry.bytes) {
      return absl::DataLossError(absl::StrCat("it has ", status.st_size,
                                              " bytes, the manifest says ",
                                              entry.bytes));
    }
    uint32_t crc = 0;
    std::string piece(std::min(kPieceBytes, entry.bytes), '\0');
    for (uint64_t at = 0; at < entry.bytes; at += kPieceBytes) {
      const uint64_t count = std::min(kPieceBytes, entry.bytes - at);
      RETURN_IF_ERROR(ReadAt(file, entry.name, at, piece.data(), count));
      crc = Crc32cExtend(crc, piece.data(), count);
      read_ += count;
      if (progress_ != nullptr) progress_(read_, verdict_.bytes);
    }
    if (crc == entry.crc32c) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(
        "its CRC32C is ", crc, ", the manifest says ", entry.crc32c));
  }

  // Every block has its parameters, and what the first one has besides.
  void CheckBlocks() {
    const bool all_read = std::all_of(
        verdict_.files.begin(), verdict_.files.end(),
        [](const FileVerdict& file) { return file.problem.empty(); });
    if (!all_read) return;
    std::set<std::string> wanted;
    for (size_t i = 0; i < manifest_.blocks.size(); ++i) {
      const CheckpointBlock& block = manifest_.blocks[i];
      const std::string prefix = absl::StrCat("block.", block.id, ".");
      std::set<std::string> found;
      for (auto it = tensors_.lower_bound(prefix);
           it != tensors_.end() &&
           it->first.compare(0, prefix.size(), prefix) == 0;) {
        const auto& [elements, file] = it->second;
        if (elements != block.elements) {
          Blame(file, absl::StrCat("its tensor ", it->first, " has ", elements,
                                   " elements, the block ", block.elements));
        }
        found.insert(it->first.substr(prefix.size()));
        it = tensors_.erase(it);
      }
      if (i == 0) wanted = found;
      wanted.insert("parameters");
      for (const std::string& name : wanted) {
        if (found.count(name) != 0) continue;
        Blame(0, absl::StrCat(prefix, name, " is in none of its files"));
      }
      for (const std::string& name : found) {
        if (wanted.count(name) != 0) continue;
        Blame(0, absl::StrCat("only some of its blocks have ", name));
      }
    }
    for (const auto& [name, tensor] : tensors_) {
      Blame(tensor.second,
            absl::StrCat("its tensor ", name, " is of no block"));
    }
  }

  const SourceDirectory& directory_;
  const VerifyProgress& progress_;
  CheckpointManifest manifest_;
  Tensors tensors_;  // of all files
  uint64_t read_ = 0;
  CheckpointVerdict verdict_;
};

}  // namespace

bool CheckpointVerdict::IsWhole() const {
  return std::all_of(files.begin(), files.end(), [](const FileVerdict& file) {
    return file.problem.empty();
  });
}

CheckpointVerdict VerifyCheckpoint(const SourceDirectory& directory,
                                   const VerifyProgress& progress) {
  return Verification(directory, progress).Run();
}

}  // namespace hawser
