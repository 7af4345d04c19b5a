#include "server/initial_values.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/checkpoint/checkpoint_reader.h"
#include "common/huggingface/model_directory.h"
#include "common/job/initial_values.h"
#include "common/job/model_difference.h"
#include "common/job/rules/model_rules.h"
#include "common/source_directory.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

class Random : public InitialValues {
 public:
  absl::Status Fill(const Plan& plan, const Block& block,
                    float* out) const override {
    FillBlock(plan, block, out);
    return absl::OkStatus();
  }
};

class FromModel : public InitialValues {
 public:
  explicit FromModel(ModelDirectory model) : model_(std::move(model)) {}
  absl::Status Fill(const Plan&, const Block& block,
                    float* out) const override {
    return model_.Read(block.offset(), {out, block.elements()});
  }

 private:
  const ModelDirectory model_;
};

class FromCheckpoint : public InitialValues {
 public:
  explicit FromCheckpoint(std::unique_ptr<CheckpointReader> reader)
      : reader_(std::move(reader)) {}
  absl::Status Fill(const Plan&, const Block& block,
                    float* out) const override {
    return reader_->Read(block.offset(), {out, block.elements()});
  }

 private:
  const std::unique_ptr<CheckpointReader> reader_;
};

absl::Status CheckSameModel(const CheckpointManifest& found, const Plan& plan) {
  const std::vector<TensorShape> expected(plan.tensors().begin(),
                                          plan.tensors().end());
  RETURN_IF_ERROR(CheckSameTensors(found.tensors, expected));
  ModelSpec there = found.spec.model();
  if (!there.has_gpt() || !plan.spec().model().has_gpt()) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(CompleteModel(&there));
  return CheckSameSettings(there.gpt(), plan.spec().model().gpt());
}

absl::StatusOr<std::unique_ptr<InitialValues>> OpenModel(
    const Plan& plan, const std::string& data_root) {
  if (data_root.empty()) {
    return absl::FailedPreconditionError(
        "the server has no data root; start it with --data-root");
  }
  ASSIGN_OR_RETURN(
      ModelDirectory model,
      ModelDirectory::OpenAs(
          SourceDirectory::Beneath(data_root, plan.spec().from().model()),
          plan.spec().model()));
  return std::make_unique<FromModel>(std::move(model));
}

absl::StatusOr<std::unique_ptr<InitialValues>> OpenCheckpoint(
    const Plan& plan, const std::string& output_root) {
  ASSIGN_OR_RETURN(const SourceDirectory directory,
                   FindCheckpoint(SourceDirectory::Beneath(
                       output_root, plan.spec().from().checkpoint())));
  ASSIGN_OR_RETURN(auto reader, CheckpointReader::Open(directory));
  const absl::Status same = CheckSameModel(reader->manifest(), plan);
  if (!same.ok()) {
    return absl::Status(same.code(),
                        absl::StrCat(directory.path(), ": ", same.message()));
  }
  return std::make_unique<FromCheckpoint>(std::move(reader));
}

}  // namespace

absl::Status InitialValues::FillState(const Block&, const std::string& name,
                                      float*) const {
  return absl::InternalError(absl::StrCat("initial values have no ", name));
}

absl::StatusOr<uint64_t> InitialValues::UpdatesOf(const Block&) const {
  return 0;
}

absl::StatusOr<SampleSums> InitialValues::EpochTraining() const {
  return SampleSums();
}

std::unique_ptr<InitialValues> RandomValues() {
  return std::make_unique<Random>();
}

absl::StatusOr<std::unique_ptr<InitialValues>> OpenInitialValues(
    const Plan& plan, const std::string& output_root,
    const std::string& data_root) {
  absl::StatusOr<std::unique_ptr<InitialValues>> values;
  const char* field = "";
  switch (plan.spec().from().source_case()) {
    case FromSpec::kModel:
      field = "from.model";
      values = OpenModel(plan, data_root);
      break;
    case FromSpec::kCheckpoint:
      field = "from.checkpoint";
      values = OpenCheckpoint(plan, output_root);
      break;
    case FromSpec::SOURCE_NOT_SET:
      return RandomValues();
  }
  if (values.ok()) return values;
  return absl::Status(values.status().code(),
                      absl::StrCat(field, ": ", values.status().message()));
}

}  // namespace hawser
