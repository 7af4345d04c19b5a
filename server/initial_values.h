// Where the parameters of a job start: random values, a model's directory, or a
// checkpoint of another job (FromSpec in job.proto); after a roll-back, a
// checkpoint of its own (restored_values.h). A function of the plan and of
// files that do not change, so that any server can make any block, and make it
// again.
#ifndef HAWSER_SERVER_INITIAL_VALUES_H_
#define HAWSER_SERVER_INITIAL_VALUES_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/metrics.h"
#include "proto/plan.pb.h"

namespace hawser {

class InitialValues {
 public:
  virtual ~InitialValues() = default;
  // out: [block.elements()]. plan: the one that the values were opened for.
  // Errors name the file.
  virtual absl::Status Fill(const Plan& plan, const Block& block,
                            float* out) const = 0;

  // The step that the values are of. What follows is asked for where it is not
  // 0 alone.
  virtual uint64_t step() const { return 0; }
  // A vector of optimizer state, by name; out: [block.elements()].
  virtual absl::Status FillState(const Block& block, const std::string& name,
                                 float* out) const;
  // Updates of the block's optimizer since its state was fresh.
  virtual absl::StatusOr<uint64_t> UpdatesOf(const Block& block) const;
  // Sums over the samples of the epoch of step step() - 1 up to there; for the
  // holder of block 0.
  virtual absl::StatusOr<SampleSums> EpochTraining() const;
};

// What the plan's initialisers say.
std::unique_ptr<InitialValues> RandomValues();

// What plan.spec().from() says: model directories are below data_root (empty:
// there are none), checkpoints below output_root. Nothing is read but
// descriptions. FAILED_PRECONDITION: parameters of another model, with the
// first tensor that differs and the setting to change; or no data root.
// NOT_FOUND, PERMISSION_DENIED, DATA_LOSS, UNIMPLEMENTED: see model_directory.h
// and checkpoint_reader.h.
absl::StatusOr<std::unique_ptr<InitialValues>> OpenInitialValues(
    const Plan& plan, const std::string& output_root,
    const std::string& data_root);

}  // namespace hawser

#endif  // HAWSER_SERVER_INITIAL_VALUES_H_
