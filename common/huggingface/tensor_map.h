// Where the elements of Hawser's tensors are among those of a model directory.
//
// GPT-2 keeps the weights of its linear layers as [inputs, outputs]: those are
// transposed. Llama keeps queries, keys and values, and the two halves of the
// feed-forward layer's input, as tensors of their own: rows of Hawser's. Both
// rotate halves, so that no row changes its place inside a head.
#ifndef HAWSER_COMMON_HUGGINGFACE_TENSOR_MAP_H_
#define HAWSER_COMMON_HUGGINGFACE_TENSOR_MAP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "common/huggingface/config.h"
#include "common/job/model_layout.h"
#include "proto/job.pb.h"
#include "proto/plan.pb.h"

namespace hawser {

// Some rows of one of Hawser's tensors, which are a tensor of the directory.
struct TensorPiece {
  std::string name;
  std::vector<uint64_t> shape;  // as it is stored
  uint64_t rows = 0;            // of Hawser's tensor
  bool transposed = false;      // stored as [columns, rows]
};

// One of Hawser's tensors, a vector being a column.
struct MappedTensor {
  std::string name;
  uint64_t offset = 0;  // in the parameter vector
  uint64_t rows = 0;
  uint64_t columns = 0;
  std::vector<TensorPiece>
      pieces;  // their rows make up this tensor's, in order
  uint64_t elements() const { return rows * columns; }
};

// In the order of the parameter vector. tensors: the layout of `gpt`; of any
// model with kOwn. prefix: "transformer." or "model.", as model classes with a
// head write it, or "" as those without do.
std::vector<MappedTensor> MapTensors(Architecture architecture,
                                     absl::Span<const TensorShape> tensors,
                                     const GptSpec& gpt,
                                     const std::string& prefix);

// The prefix that transformers writes.
std::string PrefixOf(Architecture architecture);

// True for what directories hold besides parameters, and Hawser does not need:
// masks, tables of angles, the head of a model that has none of its own.
bool IsIgnored(const std::string& name, const GptSpec& gpt);

}  // namespace hawser

#endif  // HAWSER_COMMON_HUGGINGFACE_TENSOR_MAP_H_
