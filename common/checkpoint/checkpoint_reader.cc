#include "common/checkpoint/checkpoint_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/memory/memory.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/crc32c.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr size_t kMaxManifestBytes = 256 << 20;
constexpr size_t kMaxCheckpoints = 100'000;  // of a job
constexpr uint64_t kChunkBytes = 1 << 20;
constexpr char kParameters[] = "parameters";

std::string NameOf(const CheckpointBlock& block, absl::string_view vector) {
  return absl::StrCat("block.", block.id, ".", vector);
}

std::optional<uint64_t> StepOf(absl::string_view name) {
  uint64_t step = 0;
  if (!absl::ConsumePrefix(&name, "step-") || !absl::SimpleAtoi(name, &step)) {
    return std::nullopt;
  }
  return step;
}

absl::Status NoCheckpoint(const SourceDirectory& directory) {
  return absl::NotFoundError(
      absl::StrCat(directory.path(), " holds no committed checkpoint (",
                   kManifestFile, ", or step-N/", kManifestFile, ")"));
}

}  // namespace

absl::StatusOr<SourceDirectory> FindCheckpoint(
    const SourceDirectory& directory) {
  const auto here = directory.Open(kManifestFile);
  if (here.ok()) return directory;
  if (!absl::IsNotFound(here.status())) return here.status();
  const auto steps = CommittedSteps(directory);
  if (absl::IsNotFound(steps.status())) return NoCheckpoint(directory);
  RETURN_IF_ERROR(steps.status());
  if (steps->empty()) return NoCheckpoint(directory);
  return directory.Inside(absl::StrCat("step-", steps->back()));
}

absl::StatusOr<std::vector<uint64_t>> CommittedSteps(
    const SourceDirectory& directory) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   directory.List(kMaxCheckpoints));
  std::vector<uint64_t> steps;
  for (const std::string& name : names) {
    const auto step = StepOf(name);
    if (!step.has_value() || name != absl::StrCat("step-", *step)) continue;
    if (directory.Inside(name).Open(kManifestFile).ok()) {
      steps.push_back(*step);
    }
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

absl::StatusOr<std::unique_ptr<CheckpointReader>> CheckpointReader::Open(
    const SourceDirectory& directory) {
  ASSIGN_OR_RETURN(const std::string text,
                   directory.Read(kManifestFile, kMaxManifestBytes));
  auto manifest = ParseManifest(text);
  if (!manifest.ok()) {
    return absl::DataLossError(absl::StrCat(
        directory.PathOf(kManifestFile),
        " is damaged, or of another version: ", manifest.status().message()));
  }
  auto reader = absl::WrapUnique(new CheckpointReader);
  reader->manifest_ = *std::move(manifest);
  RETURN_IF_ERROR(reader->OpenFiles(directory));
  return reader;
}

absl::Status CheckpointReader::OpenFiles(const SourceDirectory& directory) {
  absl::MutexLock lock(&mutex_);
  for (const CheckpointFile& entry : manifest_.files) {
    ASSIGN_OR_RETURN(FileDescriptor file, directory.Open(entry.name));
    FileDescriptor second(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
    if (!second.valid()) return SystemError("open", entry.name);
    ASSIGN_OR_RETURN(
        SafetensorsReader reader,
        SafetensorsReader::Open(std::move(file), directory.PathOf(entry.name)));
    files_.push_back({std::move(reader), std::move(second)});
  }
  absl::flat_hash_map<std::string, size_t> holders;
  for (size_t i = 0; i < files_.size(); ++i) {
    for (const auto& [name, tensor] : files_[i].reader.tensors()) {
      holders[name] = i;
    }
  }
  for (const CheckpointBlock& block : manifest_.blocks) {
    const std::string name = NameOf(block, kParameters);
    const auto holder = holders.find(name);
    if (holder == holders.end() ||
        files_[holder->second].reader.Find(name)->elements != block.elements) {
      // A damaged file is named, if that is why.
      for (size_t i = 0; i < files_.size(); ++i) RETURN_IF_ERROR(Check(i));
      return absl::DataLossError(absl::StrCat(directory.path(), ": block ",
                                              block.id, " of ", block.elements,
                                              " elements is in no file"));
    }
    file_of_block_.push_back(holder->second);
  }
  return absl::OkStatus();
}

absl::Status CheckpointReader::Check(size_t index) {
  File& file = files_[index];
  if (file.checked) return absl::OkStatus();
  const CheckpointFile& entry = manifest_.files[index];
  const std::string& path = file.reader.path();
  struct stat status;
  if (::fstat(file.descriptor.get(), &status) != 0) {
    return SystemError("stat", path);
  }
  if (static_cast<uint64_t>(status.st_size) != entry.bytes) {
    return absl::DataLossError(
        absl::StrCat(path, " is damaged: it has ", status.st_size,
                     " bytes, the manifest says ", entry.bytes));
  }
  uint32_t crc = 0;
  std::vector<char> chunk(kChunkBytes);
  for (uint64_t at = 0; at < entry.bytes; at += kChunkBytes) {
    const uint64_t count = std::min(kChunkBytes, entry.bytes - at);
    RETURN_IF_ERROR(ReadAt(file.descriptor, path, at, chunk.data(), count));
    crc = Crc32cExtend(crc, chunk.data(), count);
  }
  if (crc != entry.crc32c) {
    return absl::DataLossError(absl::StrCat(path, " is damaged: its CRC32C is ",
                                            crc, ", the manifest says ",
                                            entry.crc32c));
  }
  file.checked = true;
  return absl::OkStatus();
}

absl::Status CheckpointReader::Read(uint64_t first, absl::Span<float> out) {
  return ReadVector(kParameters, first, out);
}

absl::Status CheckpointReader::ReadState(absl::string_view name, uint64_t first,
                                         absl::Span<float> out) {
  return ReadVector(name, first, out);
}

absl::StatusOr<std::map<std::string, std::string>> CheckpointReader::MetadataOf(
    uint64_t id) {
  absl::MutexLock lock(&mutex_);
  for (size_t i = 0; i < manifest_.blocks.size(); ++i) {
    if (manifest_.blocks[i].id != id) continue;
    RETURN_IF_ERROR(Check(file_of_block_[i]));
    return files_[file_of_block_[i]].reader.metadata();
  }
  return absl::NotFoundError(absl::StrCat("the checkpoint has no block ", id));
}

absl::Status CheckpointReader::ReadVector(absl::string_view vector,
                                          uint64_t first,
                                          absl::Span<float> out) {
  absl::MutexLock lock(&mutex_);
  const uint64_t end = first + out.size();
  const auto& blocks = manifest_.blocks;
  const auto next = std::upper_bound(
      blocks.begin(), blocks.end(), first,
      [](uint64_t at, const CheckpointBlock& b) { return at < b.offset; });
  size_t i = next == blocks.begin()
                 ? 0
                 : static_cast<size_t>(next - blocks.begin()) - 1;
  for (; i < blocks.size() && blocks[i].offset < end; ++i) {
    const CheckpointBlock& block = blocks[i];
    const uint64_t from = std::max(first, block.offset);
    const uint64_t to = std::min(end, block.offset + block.elements);
    if (from >= to) continue;
    RETURN_IF_ERROR(Check(file_of_block_[i]));
    const SafetensorsReader& file = files_[file_of_block_[i]].reader;
    const std::string name = NameOf(block, vector);
    const StoredTensor* tensor = file.Find(name);
    if (tensor == nullptr || tensor->elements != block.elements) {
      return absl::DataLossError(absl::StrCat(
          file.path(), " has no ", name, " of ", block.elements, " elements"));
    }
    RETURN_IF_ERROR(file.ReadRange(name, from - block.offset,
                                   out.subspan(from - first, to - from)));
  }
  return absl::OkStatus();
}

}  // namespace hawser
