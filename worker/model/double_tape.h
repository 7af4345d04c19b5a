// Reverse-mode differentiation over matrices of doubles: whatever is computed
// is recorded with its way back, and Differentiate goes all ways back, last one
// first (Griewank and Walther, "Evaluating derivatives", 2008). For references.
#ifndef HAWSER_WORKER_MODEL_DOUBLE_TAPE_H_
#define HAWSER_WORKER_MODEL_DOUBLE_TAPE_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "glog/logging.h"
#include "worker/backend/double_matrix.h"
#include "worker/backend/operation_reference.h"

namespace hawser {

class DoubleTape {
 public:
  // A value on the tape.
  using Place = size_t;
  // From the derivative by a value, those by what it was computed from.
  using WayBack =
      std::function<std::vector<DoubleMatrix>(const DoubleMatrix& dy)>;

  Place Input(DoubleMatrix value) { return Record(std::move(value), {}, {}); }

  Place Record(DoubleMatrix value, std::vector<Place> from, WayBack back) {
    entries_.push_back(
        {std::move(value), DoubleMatrix(), std::move(from), std::move(back)});
    return entries_.size() - 1;
  }

  // Valid as long as the tape.
  const DoubleMatrix& value(Place place) const { return entries_[place].value; }

  // The derivatives of the sum of `result`'s elements by everything before it.
  void Differentiate(Place result) {
    for (Entry& entry : entries_) {
      entry.gradient = DoubleMatrix(entry.value.rows, entry.value.columns);
    }
    for (double& element : entries_[result].gradient.values) element = 1;
    for (Place place = result + 1; place-- > 0;) {
      const Entry& entry = entries_[place];
      if (entry.from.empty()) continue;
      const std::vector<DoubleMatrix> gradients = entry.back(entry.gradient);
      CHECK_EQ(gradients.size(), entry.from.size());
      for (size_t i = 0; i < gradients.size(); ++i) {
        DoubleMatrix& sum = entries_[entry.from[i]].gradient;
        sum = reference::Plus(sum, gradients[i]);
      }
    }
  }
  const DoubleMatrix& gradient(Place place) const {
    return entries_[place].gradient;
  }

 private:
  struct Entry {
    DoubleMatrix value;
    DoubleMatrix gradient;
    std::vector<Place> from;
    WayBack back;
  };

  std::deque<Entry> entries_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_DOUBLE_TAPE_H_
