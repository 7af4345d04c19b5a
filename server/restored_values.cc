#include "server/restored_values.h"

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/checkpoint/checkpoint_reader.h"
#include "common/job/model_difference.h"
#include "common/source_directory.h"
#include "common/status_macros.h"
#include "server/checkpoint_metadata.h"

namespace hawser {
namespace {

class Restored : public InitialValues {
 public:
  Restored(uint64_t step, std::string path,
           std::unique_ptr<CheckpointReader> reader)
      : step_(step), path_(std::move(path)), reader_(std::move(reader)) {}

  uint64_t step() const override { return step_; }

  absl::Status Fill(const Plan&, const Block& block,
                    float* out) const override {
    return reader_->Read(block.offset(), {out, block.elements()});
  }

  absl::Status FillState(const Block& block, const std::string& name,
                         float* out) const override {
    return reader_->ReadState(name, block.offset(), {out, block.elements()});
  }

  absl::StatusOr<uint64_t> UpdatesOf(const Block& block) const override {
    ASSIGN_OR_RETURN(const std::string text,
                     Find(block.id(), UpdatesKey(block.id())));
    uint64_t updates = 0;
    if (!absl::SimpleAtoi(text, &updates)) return Damaged(text);
    return updates;
  }

  absl::StatusOr<SampleSums> EpochTraining() const override {
    ASSIGN_OR_RETURN(const std::string text, Find(0, kEpochTrainingKey));
    const std::vector<std::string> fields = absl::StrSplit(text, ' ');
    SampleSums sums;
    if (fields.size() != 3 ||
        !absl::SimpleAtoi(fields[0], &sums.loss_nanonats) ||
        !absl::SimpleAtoi(fields[1], &sums.correct) ||
        !absl::SimpleAtoi(fields[2], &sums.samples)) {
      return Damaged(text);
    }
    return sums;
  }

 private:
  absl::StatusOr<std::string> Find(uint32_t block,
                                   const std::string& key) const {
    ASSIGN_OR_RETURN(const auto metadata, reader_->MetadataOf(block));
    const auto found = metadata.find(key);
    if (found != metadata.end()) return found->second;
    return absl::DataLossError(
        absl::StrCat(path_, ": the metadata lack ", key));
  }
  absl::Status Damaged(const std::string& text) const {
    return absl::DataLossError(
        absl::StrCat(path_, ": '", text, "' in the metadata is no number"));
  }

  const uint64_t step_;
  const std::string path_;
  const std::unique_ptr<CheckpointReader> reader_;
};

absl::Status CheckFits(const CheckpointManifest& found, const Plan& plan) {
  if (found.job != plan.spec().name() || found.step != plan.restore().step()) {
    return absl::DataLossError(absl::StrCat(
        "it is of job ", found.job, ", step ", found.step, "; wanted is step ",
        plan.restore().step(), " of job ", plan.spec().name()));
  }
  const std::vector<TensorShape> expected(plan.tensors().begin(),
                                          plan.tensors().end());
  const absl::Status same = CheckSameTensors(found.tensors, expected);
  if (same.ok()) return same;
  return absl::DataLossError(same.message());
}

}  // namespace

absl::StatusOr<std::unique_ptr<InitialValues>> OpenRestoredValues(
    const Plan& plan, const std::string& output_root) {
  // The directory is named as it really is; the root may be reached by links.
  std::error_code error;
  const auto root = std::filesystem::canonical(output_root, error);
  const SourceDirectory directory = SourceDirectory::Beneath(
      error ? output_root : root.string(), plan.restore().directory());
  ASSIGN_OR_RETURN(auto reader, CheckpointReader::Open(directory));
  const absl::Status fits = CheckFits(reader->manifest(), plan);
  if (!fits.ok()) {
    return absl::Status(fits.code(),
                        absl::StrCat(directory.path(), ": ", fits.message()));
  }
  return std::make_unique<Restored>(plan.restore().step(), directory.path(),
                                    std::move(reader));
}

}  // namespace hawser
