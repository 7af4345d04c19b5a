#include "tests/bench/gpt_workload.h"

#include "absl/strings/str_cat.h"
#include "common/job/initial_values.h"
#include "common/job/job_rules.h"
#include "common/job/model_layout.h"
#include "common/status_macros.h"
#include "google/protobuf/text_format.h"

namespace hawser {

absl::StatusOr<GptWorkload> GptWorkload::Make(const std::string& model,
                                              int samples) {
  JobSpec job;
  if (!google::protobuf::TextFormat::ParseFromString(
          absl::StrCat(
              "name: 'bench' model { gpt { ", model,
              " } } data { text { files: 'x' } } optimizer { adamw { } } "
              "learning_rate { base: 1e-3 } "
              "schedule { steps: 1 global_batch: 1 }"),
          &job)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--model is no GptSpec in text format: ", model));
  }
  ASSIGN_OR_RETURN(const JobSpec complete, CompleteJob(job));
  ASSIGN_OR_RETURN(const ModelLayout layout, LayoutOf(complete.model()));
  GptWorkload workload;
  workload.model = complete.model();
  workload.theta.resize(layout.parameters);
  workload.gradient.resize(layout.parameters);
  for (size_t n = 0; n < layout.tensors.size(); ++n) {
    const TensorShape& tensor = layout.tensors[n];
    uint64_t elements = 1;
    for (const uint64_t d : tensor.dimensions()) elements *= d;
    FillInitialValues(tensor, static_cast<uint32_t>(n), 0, 0, elements,
                      workload.theta.data() + tensor.offset());
  }
  const GptSpec& gpt = workload.model.gpt();
  workload.batch.samples = samples;
  for (int64_t i = 0; i < samples * int64_t{gpt.context()}; ++i) {
    workload.batch.tokens.push_back(
        static_cast<int32_t>(i * 37 % gpt.vocabulary()));
    workload.batch.labels.push_back(
        static_cast<int32_t>(i * 41 % gpt.vocabulary()));
  }
  return workload;
}

double GptWorkload::Operations() const {
  const GptSpec& gpt = model.gpt();
  const double positions =
      gpt.positions() == LEARNED ? double{1} * gpt.context() * gpt.width() : 0;
  const double weights = static_cast<double>(theta.size()) - positions;
  const double attention =
      double{1} * gpt.layers() * gpt.context() * gpt.width();
  return 6 * (weights + attention) * static_cast<double>(tokens());
}

}  // namespace hawser
