#include "worker/model/gpt_tensors.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace hawser {
namespace {

class Finder {
 public:
  explicit Finder(const ModelLayout& layout) {
    for (const TensorShape& tensor : layout.tensors) {
      tensors_[tensor.name()] = &tensor;
    }
  }

  // -1 without such a tensor.
  int64_t Offset(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) return -1;
    return static_cast<int64_t>(found->second->offset());
  }

  NormTensors Norm(const std::string& name) const {
    return {Offset(name + ".weight"), Offset(name + ".bias")};
  }

  LinearTensors Linear(const std::string& name) const {
    const auto found = tensors_.find(name + ".weight");
    CHECK(found != tensors_.end()) << name;
    return {static_cast<int64_t>(found->second->dimensions(0)),
            static_cast<int64_t>(found->second->dimensions(1)),
            Offset(name + ".weight"), Offset(name + ".bias")};
  }

 private:
  absl::flat_hash_map<std::string, const TensorShape*> tensors_;
};

}  // namespace

GptTensors::GptTensors(const GptSpec& spec, const ModelLayout& layout)
    : parameters(static_cast<int64_t>(layout.parameters)) {
  const Finder finder(layout);
  token_embedding = finder.Offset("token_embedding.weight");
  position_embedding = finder.Offset("position_embedding.weight");
  for (uint32_t k = 0; k < spec.layers(); ++k) {
    const std::string name = absl::StrCat("blocks.", k);
    blocks.push_back({finder.Norm(name + ".attention_norm"),
                      finder.Linear(name + ".attention.qkv"),
                      finder.Linear(name + ".attention.output"),
                      finder.Norm(name + ".feed_forward_norm"),
                      finder.Linear(name + ".feed_forward.up"),
                      finder.Linear(name + ".feed_forward.down")});
  }
  final_norm = finder.Norm("final_norm");
  head = spec.untied_head() ? finder.Offset("head.weight") : token_embedding;
}

}  // namespace hawser
