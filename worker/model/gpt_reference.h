// The slow obvious GPT in double precision, all of GptSpec: what the fast one
// is tested against, and itself tested against finite differences and PyTorch.
//
// Dropout of matrix number L keeps element [r, c] iff element r * columns + c
// of the stream kDropout (step, micro-batch, L) is at least the rate. L = 0:
// the embedding's output; of block k, 3 k + 1: the attention's weights [samples
// * heads * context, context]; 3 k + 2: the output of its projection; 3 k + 3:
// the output of the feed-forward layer.
#ifndef HAWSER_WORKER_MODEL_GPT_REFERENCE_H_
#define HAWSER_WORKER_MODEL_GPT_REFERENCE_H_

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/job/model_layout.h"
#include "proto/job.pb.h"
#include "worker/backend/attention_reference.h"
#include "worker/backend/operation_reference.h"
#include "worker/data/batch.h"
#include "worker/model/double_tape.h"
#include "worker/model/model.h"

namespace hawser {

class GptReference {
 public:
  // spec: completed (job_rules.h). key: null for no dropout.
  GptReference(const ModelSpec& spec, const std::vector<double>& theta,
               const Batch& batch, const MicroBatchKey* key)
      : spec_(spec.gpt()),
        batch_(batch),
        key_(key),
        layout_(LayoutOf(spec).value()) {
    CHECK_EQ(theta.size(), layout_.parameters);
    for (const TensorShape& tensor : layout_.tensors) {
      const bool vector = tensor.dimensions_size() == 1;
      const auto last = static_cast<int64_t>(tensor.dimensions(vector ? 0 : 1));
      DoubleMatrix value(
          vector ? 1 : static_cast<int64_t>(tensor.dimensions(0)), last);
      const auto first = theta.begin() + static_cast<int64_t>(tensor.offset());
      value.values.assign(first, first + value.rows * value.columns);
      parameters_[tensor.name()] = tape_.Input(std::move(value));
    }
    ComputeLoss();
  }

  // The sum over samples of the mean over their tokens of the cross-entropy.
  double loss() const { return tape_.value(loss_).values[0]; }

  // Its derivatives, in the order of the parameter vector.
  std::vector<double> Gradient() {
    tape_.Differentiate(loss_);
    std::vector<double> gradient;
    for (const TensorShape& tensor : layout_.tensors) {
      const DoubleMatrix& of = tape_.gradient(parameters_.at(tensor.name()));
      gradient.insert(gradient.end(), of.values.begin(), of.values.end());
    }
    return gradient;
  }

 private:
  using Place = DoubleTape::Place;
  using Gradients = std::vector<DoubleMatrix>;

  int64_t width() const { return spec_.width(); }
  int64_t head_width() const { return spec_.width() / spec_.heads(); }
  bool Has(const std::string& name) const { return parameters_.contains(name); }
  const DoubleMatrix& value(Place place) const { return tape_.value(place); }

  void ComputeLoss() {
    Place x = Dropped(Embedded(), 0);
    for (uint32_t k = 0; k < spec_.layers(); ++k) {
      const std::string block = absl::StrCat("blocks.", k);
      Place half = Linear(Normalised(x, block + ".attention_norm"),
                          block + ".attention.qkv");
      half = Linear(Attended(Rotated(half), 3 * k + 1),
                    block + ".attention.output");
      x = Sum(x, Dropped(half, 3 * k + 2));
      half = Linear(Normalised(x, block + ".feed_forward_norm"),
                    block + ".feed_forward.up");
      half = Linear(Activated(half), block + ".feed_forward.down");
      x = Sum(x, Dropped(half, 3 * k + 3));
    }
    x = Normalised(x, "final_norm");
    loss_ = Loss(Linear(x, spec_.untied_head() ? "head" : "token_embedding"));
  }

  Place Embedded() {
    const std::string kPositions = "position_embedding.weight";
    const Place weight = parameters_.at("token_embedding.weight");
    const int64_t vocabulary = value(weight).rows;
    if (!Has(kPositions)) {
      return tape_.Record(
          reference::EmbedForward(batch_.tokens, value(weight), {}, 0),
          {weight}, [=, this](const DoubleMatrix& dy) -> Gradients {
            return {reference::EmbedBackward(batch_.tokens, dy, vocabulary)};
          });
    }
    const Place positions = parameters_.at(kPositions);
    return tape_.Record(
        reference::EmbedForward(batch_.tokens, value(weight), value(positions),
                                0),
        {weight, positions}, [=, this](const DoubleMatrix& dy) -> Gradients {
          return {reference::EmbedBackward(batch_.tokens, dy, vocabulary),
                  reference::PositionsBackward(dy, spec_.context(), 0)};
        });
  }

  Place Dropped(Place x, uint64_t matrix) {
    if (key_ == nullptr || spec_.dropout() == 0) return x;
    const DoubleMatrix factors = reference::DropoutFactors(
        static_cast<float>(spec_.dropout()), RandomOf(matrix), 0, value(x).rows,
        value(x).columns);
    return tape_.Record(reference::Times(value(x), factors), {x},
                        [=](const DoubleMatrix& dy) -> Gradients {
                          return {reference::Times(dy, factors)};
                        });
  }

  CounterRandom RandomOf(uint64_t matrix) const {
    return CounterRandom(key_->seed, RandomPurpose::kDropout, key_->step,
                         key_->micro_batch, matrix);
  }

  Place Sum(Place x, Place y) {
    return tape_.Record(reference::Plus(value(x), value(y)), {x, y},
                        [](const DoubleMatrix& dy) -> Gradients {
                          return {dy, dy};
                        });
  }

  Place Linear(Place x, const std::string& name) {
    const Place weight = parameters_.at(name + ".weight");
    const DoubleMatrix product =
        reference::Product(value(x), reference::Transposed(value(weight)));
    const Place y = tape_.Record(
        product, {x, weight}, [=, this](const DoubleMatrix& dy) -> Gradients {
          return {reference::Product(dy, value(weight)),
                  reference::Product(reference::Transposed(dy), value(x))};
        });
    if (!Has(name + ".bias")) return y;
    const Place bias = parameters_.at(name + ".bias");
    DoubleMatrix sum = product;
    for (int64_t r = 0; r < sum.rows; ++r) sum.AddPart(r, 0, value(bias));
    return tape_.Record(sum, {y, bias},
                        [](const DoubleMatrix& dy) -> Gradients {
                          return {dy, reference::SumOfRows(dy)};
                        });
  }

  Place Normalised(Place x, const std::string& name) {
    const bool biased = Has(name + ".bias");
    const Place weight = parameters_.at(name + ".weight");
    std::vector<Place> from{x, weight};
    if (biased) from.push_back(parameters_.at(name + ".bias"));
    const double epsilon = static_cast<float>(spec_.normalisation_epsilon());
    return tape_.Record(
        reference::NormForward(
            spec_.normalisation(), epsilon, value(x), value(weight),
            biased ? value(from[2]) : DoubleMatrix(1, width())),
        from, [=, this](const DoubleMatrix& dy) -> Gradients {
          const reference::NormGradient gradient = reference::NormBackward(
              spec_.normalisation(), epsilon, value(x), value(weight), dy);
          if (!biased) return {gradient.dx, gradient.dweight};
          return {gradient.dx, gradient.dweight, gradient.dbias};
        });
  }

  // Queries and keys; values stay as they are.
  Place Rotated(Place qkv) {
    if (spec_.positions() != ROTARY) return qkv;
    return tape_.Record(WithTurnedHeads(value(qkv), /*backward=*/false), {qkv},
                        [this](const DoubleMatrix& dy) -> Gradients {
                          return {WithTurnedHeads(dy, /*backward=*/true)};
                        });
  }

  DoubleMatrix WithTurnedHeads(const DoubleMatrix& x, bool backward) const {
    const int64_t values = spec_.key_value_heads() * head_width();
    const int64_t turned = x.columns - values;
    DoubleMatrix y(x.rows, x.columns);
    y.AddPart(
        0, 0,
        reference::Rotate(head_width(), spec_.rotary_base(), spec_.context(), 0,
                          backward, x.Part(0, 0, x.rows, turned)));
    y.AddPart(0, turned, x.Part(0, turned, x.rows, values));
    return y;
  }

  // Attention of one sample by heads that share keys and values.
  struct Group {
    int64_t row;                // of the first query and key
    int64_t query, key, value;  // columns
    reference::AttentionReference attention;
  };

  std::vector<Group> GroupsOf(const DoubleMatrix& qkv, uint64_t matrix) const {
    const int64_t groups = spec_.key_value_heads(), heads = spec_.heads();
    const int64_t context = spec_.context(), d = head_width();
    Attention attention;
    attention.head_width = d;
    attention.scale = 1 / std::sqrt(static_cast<float>(d));
    if (key_ != nullptr && spec_.dropout() > 0) {
      attention.dropout = {static_cast<float>(spec_.dropout()),
                           RandomOf(matrix), 0};
    }
    std::vector<Group> all;
    for (int64_t s = 0; s < batch_.samples; ++s) {
      for (int64_t g = 0; g < groups; ++g) {
        const int64_t head = g * (heads / groups);
        const int64_t row = s * context, query = head * d;
        const int64_t key = (heads + g) * d, value = (heads + groups + g) * d;
        attention.dropout.first_row = (s * heads + head) * context;
        all.push_back(
            {row, query, key, value,
             reference::AttentionReference(
                 attention, qkv.Part(row, query, context, heads / groups * d),
                 qkv.Part(row, key, context, d),
                 qkv.Part(row, value, context, d))});
      }
    }
    return all;
  }

  Place Attended(Place qkv, uint64_t matrix) {
    const std::vector<Group> groups = GroupsOf(value(qkv), matrix);
    DoubleMatrix y(value(qkv).rows, width());
    for (const Group& group : groups) {
      y.AddPart(group.row, group.query, group.attention.Forward());
    }
    return tape_.Record(y, {qkv}, [=, this](const DoubleMatrix& dy) {
      DoubleMatrix dqkv(dy.rows, value(qkv).columns);
      const int64_t shared = width() / spec_.key_value_heads();
      for (const Group& group : groups) {
        const auto gradient = group.attention.Backward(
            dy.Part(group.row, group.query, spec_.context(), shared));
        dqkv.AddPart(group.row, group.query, gradient.dq);
        dqkv.AddPart(group.row, group.key, gradient.dk);
        dqkv.AddPart(group.row, group.value, gradient.dv);
      }
      return Gradients{dqkv};
    });
  }

  Place Activated(Place x) {
    return tape_.Record(
        reference::FeedForwardForward(spec_.feed_forward(), value(x)), {x},
        [=, this](const DoubleMatrix& dy) -> Gradients {
          return {reference::FeedForwardBackward(spec_.feed_forward(), value(x),
                                                 dy)};
        });
  }

  Place Loss(Place logits) {
    const DoubleMatrix losses =
        reference::CrossEntropyForward(batch_.labels, value(logits));
    DoubleMatrix sum(1, 1);
    for (const double loss : losses.values) {
      sum.values[0] += loss / spec_.context();
    }
    return tape_.Record(
        sum, {logits}, [=, this](const DoubleMatrix& dy) -> Gradients {
          return {reference::CrossEntropyBackward(
              batch_.labels, value(logits),
              DoubleMatrix(losses.rows, 1, dy.values[0] / spec_.context()))};
        });
  }

  const GptSpec spec_;
  const Batch& batch_;
  const MicroBatchKey* const key_;
  const ModelLayout layout_;
  DoubleTape tape_;
  std::map<std::string, Place> parameters_;
  Place loss_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_REFERENCE_H_
