#include "client/export/model_export.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/export/tokenizer_files.h"
#include "common/files.h"
#include "common/huggingface/config.h"
#include "common/huggingface/model_directory.h"
#include "common/huggingface/model_writer.h"
#include "common/huggingface/tensor_map.h"
#include "common/job/model_difference.h"
#include "common/job/rules/model_rules.h"
#include "common/status_macros.h"
#include "google/protobuf/util/json_util.h"

namespace hawser {
namespace {

// A directory under a temporary name beside its own, until Commit.
class NewDirectory {
 public:
  static absl::StatusOr<NewDirectory> Create(const std::string& path) {
    std::filesystem::path target(path);
    if (!target.has_filename()) target = target.parent_path();  // "a/"
    if (target.has_parent_path()) {
      RETURN_IF_ERROR(MakeDirectories(target.parent_path().string()));
    }
    std::error_code error;
    if (std::filesystem::exists(std::filesystem::symlink_status(target, error)))
      return Exists(path);
    std::string temporary = target.string() + ".tmp-XXXXXX";
    if (::mkdtemp(temporary.data()) == nullptr) {
      return SystemError("create directory", path);
    }
    NewDirectory directory(target.string(), temporary);
    if (::chmod(temporary.c_str(), 0755) != 0) {
      return SystemError("create directory", path);
    }
    return directory;
  }
  NewDirectory(NewDirectory&& other) noexcept
      : path_(std::move(other.path_)),
        temporary_(std::exchange(other.temporary_, "")) {}
  ~NewDirectory() {
    std::error_code error;
    if (!temporary_.empty()) std::filesystem::remove_all(temporary_, error);
  }

  std::string PathOf(const std::string& name) const {
    return absl::StrCat(temporary_, "/", name);
  }
  // Its files have been flushed, each by itself.
  absl::Status Commit() {
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(),
                    RENAME_NOREPLACE) != 0) {
      return errno == EEXIST ? Exists(path_)
                             : SystemError("create directory", path_);
    }
    temporary_.clear();
    return absl::OkStatus();
  }

 private:
  NewDirectory(std::string path, std::string temporary)
      : path_(std::move(path)), temporary_(std::move(temporary)) {}
  static absl::Status Exists(const std::string& path) {
    return absl::AlreadyExistsError(absl::StrCat(
        path, " exists; name another directory, or remove it first"));
  }

  std::string path_;
  std::string temporary_;
};

absl::Status WriteTensors(CheckpointReader* checkpoint,
                          Architecture architecture, const GptSpec& gpt,
                          const std::string& path) {
  const CheckpointManifest& manifest = checkpoint->manifest();
  return WriteModel(
      MapTensors(architecture, manifest.tensors, gpt, PrefixOf(architecture)),
      {{"format", "pt"},
       {"job", manifest.job},
       {"step", absl::StrCat(manifest.step)}},
      [&](uint64_t first, absl::Span<float> out) {
        return checkpoint->Read(first, out);
      },
      path);
}

// The checkpoint's GPT, completed, if its tensors are that model's.
absl::StatusOr<GptSpec> GptOf(const CheckpointManifest& manifest) {
  ModelSpec model = manifest.spec.model();
  RETURN_IF_ERROR(CompleteModel(&model));
  ASSIGN_OR_RETURN(const ModelLayout layout, LayoutOf(model));
  RETURN_IF_ERROR(CheckSameTensors(manifest.tensors, layout.tensors));
  return model.gpt();
}

absl::StatusOr<std::string> OwnDescription(const GptSpec& gpt) {
  ModelSpec model;
  *model.mutable_gpt() = gpt;
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status =
      google::protobuf::util::MessageToJsonString(model, &text, options);
  if (status.ok()) return text;
  return absl::InternalError(std::string(status.message()));
}

}  // namespace

absl::Status ExportFile(CheckpointReader* checkpoint, const std::string& path) {
  return WriteTensors(checkpoint, Architecture::kOwn, GptSpec(), path);
}

absl::StatusOr<std::vector<std::string>> ExportDirectory(
    CheckpointReader* checkpoint, const std::string& path,
    const std::string& data_root) {
  const CheckpointManifest& manifest = checkpoint->manifest();
  ASSIGN_OR_RETURN(const GptSpec gpt, GptOf(manifest));
  ASSIGN_OR_RETURN(const TokenizerFiles tokenizer,
                   TokenizerOf(manifest.spec.data(), gpt, data_root));
  ASSIGN_OR_RETURN(NewDirectory directory, NewDirectory::Create(path));
  std::vector<std::string> notes;
  const Architecture architecture = ArchitectureOf(gpt);
  if (architecture == Architecture::kOwn) {
    ASSIGN_OR_RETURN(const std::string description, OwnDescription(gpt));
    RETURN_IF_ERROR(
        WriteWholeFile(directory.PathOf(kOwnModelFile), description));
    notes.push_back(
        "transformers has no such model (it has GPT-2's and Llama's mix of "
        "normalisation, positions, feed-forward and biases): wrote Hawser's "
        "own names and no config.json");
  } else {
    RETURN_IF_ERROR(WriteWholeFile(directory.PathOf(kConfigFile),
                                   WriteConfig(gpt, tokenizer.special)));
  }
  for (const NamedFile& file : tokenizer.files) {
    RETURN_IF_ERROR(WriteWholeFile(directory.PathOf(file.name), file.content));
  }
  if (tokenizer.files.empty()) {
    notes.push_back(
        absl::StrCat("no tokenizer was written: ", tokenizer.why_none));
  }
  RETURN_IF_ERROR(WriteTensors(checkpoint, architecture, gpt,
                               directory.PathOf(kModelFile)));
  RETURN_IF_ERROR(directory.Commit());
  return notes;
}

}  // namespace hawser
