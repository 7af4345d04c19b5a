// Capture of streams, and graphs: kernels and products alone, since nothing
// else is captured here. What CUDA forbids in a capture is an error.
#include <memory>
#include <utility>

#include "tests/cuda_emulation/device_state.h"

using cuda_emulation::Entry;
using cuda_emulation::Graph;
using cuda_emulation::Lock;
using cuda_emulation::TheDevice;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  const cudaError_t error = device.NotInCapture("another capture begins");
  if (error != cudaSuccess) return error;
  stream->capture = std::make_unique<Graph>();
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  *graph = nullptr;
  if (stream->capture == nullptr) return cudaErrorInvalidValue;
  std::unique_ptr<Graph> captured = std::move(stream->capture);
  if (device.error != cudaSuccess) return device.error;
  *graph = captured.release();
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* made,
                                          cudaGraph_t graph,
                                          unsigned long long) {  // NOLINT
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  *made = nullptr;
  if (device.error != cudaSuccess) return device.error;
  ++device.counts.graphs;
  *made = new cuda_emulation::ExecutableGraph{*graph};
  return cudaSuccess;
}

// What it does, it does with the memory and the numbers of its capture.
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  auto& device = TheDevice();
  const Lock lock(device.mutex);
  if (device.error != cudaSuccess) return device.error;
  ++device.counts.graph_launches;
  for (const Entry& entry : graph->graph.entries) {
    for (const void* memory : entry.memory) {
      if (memory == nullptr || device.memory.Has(memory, 0)) continue;
      device.FailWith(cudaErrorIllegalAddress,
                      "a graph uses what is not memory any more");
      return device.error;
    }
  }
  for (const Entry& entry : graph->graph.entries) device.Add(stream, entry);
  return device.error;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  delete graph;
  return cudaSuccess;
}
