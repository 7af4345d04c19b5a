#include "worker/backend/cuda/cuda_graphs.h"

namespace hawser {
namespace {

// A model of 100 layers has some 200 pieces of work, times its batches' sizes.
constexpr size_t kMostNames = 4096;

}  // namespace

void CudaGraphs::Give(const WorkName& name, absl::FunctionRef<void()> give) {
  if (allocations_ != device_->allocations()) {
    Destroy();
    allocations_ = device_->allocations();
  }
  if (graphs_.size() == kMostNames && !graphs_.contains(name)) {
    Destroy();
    graphs_.clear();
  }
  const auto [graph, is_new] = graphs_.try_emplace(name, nullptr);
  if (is_new) {
    give();
    return;
  }
  if (graph->second == nullptr) graph->second = Capture(give);
  if (!device_->ok()) return;
  device_->Check(cudaGraphLaunch(graph->second, device_->compute()),
                 "cudaGraphLaunch");
}

cudaGraphExec_t CudaGraphs::Capture(absl::FunctionRef<void()> give) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t made = nullptr;
  // What other threads do meanwhile, for other devices, is not forbidden.
  if (!device_->Check(cudaStreamBeginCapture(device_->compute(),
                                             cudaStreamCaptureModeThreadLocal),
                      "cudaStreamBeginCapture")) {
    return nullptr;
  }
  give();
  device_->Check(cudaStreamEndCapture(device_->compute(), &graph),
                 "cudaStreamEndCapture");
  if (device_->ok()) {
    device_->Check(cudaGraphInstantiateWithFlags(&made, graph, 0),
                   "cudaGraphInstantiate");
  }
  if (graph != nullptr) {
    device_->Check(cudaGraphDestroy(graph), "cudaGraphDestroy");
  }
  return made;
}

// A graph that is still at work is destroyed when it is done.
void CudaGraphs::Destroy() {
  for (auto& [name, graph] : graphs_) {
    if (graph != nullptr) cudaGraphExecDestroy(graph);
    graph = nullptr;
  }
}

}  // namespace hawser
