// Of which version of each layer's parameters a model has made what it needs: a
// copy on its device, or operands. See Model::NewVersion.
//
// Not thread-safe.
#ifndef HAWSER_WORKER_MODEL_LAYER_VERSIONS_H_
#define HAWSER_WORKER_MODEL_LAYER_VERSIONS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hawser {

class LayerVersions {
 public:
  explicit LayerVersions(size_t layers) : made_(layers) {}

  // Whether it must be made of this layer now; it counts as made from then on.
  bool MustMake(size_t layer, uint64_t version) {
    const bool is_made = version != 0 && made_[layer] == version;
    made_[layer] = version;
    return !is_made;
  }

 private:
  std::vector<uint64_t> made_;  // 0: of parameters without a name, or never
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_LAYER_VERSIONS_H_
