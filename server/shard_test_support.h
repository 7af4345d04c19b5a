// A small job for tests of the server: 3 layers, blocks of 16 elements at most.
#ifndef HAWSER_SERVER_SHARD_TEST_SUPPORT_H_
#define HAWSER_SERVER_SHARD_TEST_SUPPORT_H_

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/crc32c.h"
#include "common/job/blocks.h"
#include "common/job/initial_values.h"
#include "common/job/model_layout.h"
#include "server/frame_io.h"

namespace hawser {

// Placed round robin over the servers. 73 parameters, SGD with rate 0.5.
inline Plan SmallPlan(uint32_t servers, uint32_t micro_batches,
                      uint64_t steps) {
  Plan plan;
  plan.set_job(5);
  plan.set_incarnation(9);
  plan.set_total_steps(steps);
  plan.set_steps_per_epoch(2);
  plan.set_optimizer_steps(steps);
  SynchronisationSpec* synchronisation =
      plan.add_phases()->mutable_synchronisation();
  synchronisation->set_mode(SYNCHRONOUS);
  synchronisation->set_local_steps(1);
  JobSpec* spec = plan.mutable_spec();
  spec->set_name("small");
  spec->set_seed(1);
  spec->mutable_optimizer()->mutable_sgd();
  spec->mutable_learning_rate()->set_base(0.5);
  spec->mutable_learning_rate()->mutable_constant();
  spec->mutable_schedule()->set_micro_batches(micro_batches);
  spec->mutable_checkpoint()->set_directory("small");
  MlpSpec* mlp = spec->mutable_model()->mutable_mlp();
  for (const uint32_t size : {4, 5, 5, 3}) mlp->add_layer_sizes(size);
  const ModelLayout layout = *LayoutOf(spec->model());
  plan.set_parameters(layout.parameters);
  for (const auto& layer : layout.layers) *plan.add_layers() = layer;
  for (const auto& tensor : layout.tensors) *plan.add_tensors() = tensor;
  for (Block block : CutIntoBlocks(layout, 16)) {
    block.set_server(block.id() % servers);
    *plan.add_blocks() = block;
  }
  for (uint32_t i = 0; i < servers; ++i) {
    ServerEndpoint* server = plan.add_servers();
    server->set_node(100 + i);
    server->set_address("server-" + std::to_string(i));
  }
  return plan;
}

// Keeps what is sent to it.
class RecordingSink : public ReplySink {
 public:
  struct Reply {
    FrameHeader header;
    std::string payload;
    std::vector<float> Floats() const {
      std::vector<float> floats(payload.size() / sizeof(float));
      std::memcpy(floats.data(), payload.data(), payload.size());
      return floats;
    }
  };
  void Send(OutgoingFrame frame) override {
    absl::MutexLock lock(&mutex_);
    replies_.push_back(
        {*DecodeFrameHeader(frame.header),
         std::string(frame.payload.data(), frame.payload.size())});
  }
  std::vector<Reply> Take() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(replies_, {});
  }

 private:
  absl::Mutex mutex_;
  std::vector<Reply> replies_ ABSL_GUARDED_BY(mutex_);
};

inline FrameHeader PushHeader(const Plan& plan, const Block& block,
                              uint64_t step, TreeNode node) {
  FrameHeader header;
  header.kind = FrameKind::kPush;
  header.job = plan.job();
  header.incarnation = plan.incarnation();
  header.node = 7;
  header.clock = step;
  header.block = block.id();
  header.tree_node = node;
  header.payload_bytes =
      static_cast<uint32_t>(block.elements() * sizeof(float));
  return header;
}

inline FrameHeader PullHeader(const Plan& plan, uint32_t block,
                              uint64_t version) {
  FrameHeader header;
  header.kind = FrameKind::kPull;
  header.job = plan.job();
  header.incarnation = plan.incarnation();
  header.node = 7;
  header.clock = version;
  header.block = block;
  return header;
}

}  // namespace hawser

#endif  // HAWSER_SERVER_SHARD_TEST_SUPPORT_H_
