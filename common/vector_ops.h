// Passes over float vectors at memory speed; the widest vectors of the CPU are
// chosen at run time, with the same bits for every choice.
#ifndef HAWSER_COMMON_VECTOR_OPS_H_
#define HAWSER_COMMON_VECTOR_OPS_H_

#include <cstdint>

namespace hawser {

// accumulator[i] += addend[i]. addend may be unaligned (bytes off the wire).
void AddInto(float* accumulator, const void* addend, int64_t n);

// No element is infinite or not a number.
bool AllFinite(const float* x, int64_t n);

// Sum of squares in double, in an order fixed by n alone.
double SquaredNorm(const float* x, int64_t n);

// The same bits for a vector that is shown piece by piece, from its beginning,
// whatever the cuts. Not thread-safe.
class SquaredNormSum {
 public:
  void Add(const float* x, int64_t n);
  double Total() const;

 private:
  void AddAlone(double value);

  static constexpr int kLanes = 16;
  double lanes_[kLanes] = {};
  int next_ = 0;  // the next element's lane
};

}  // namespace hawser

#endif  // HAWSER_COMMON_VECTOR_OPS_H_
