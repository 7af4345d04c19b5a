// Gathers the squared gradient norm of every block of a job, step by step, so
// that each server can clip by the norm of the whole gradient. The total is
// added in the order of block numbers: the same bits on every server, whatever
// the placement and the order of arrival.
//
//   gathering step s --Add(last missing block of s)--> gathering step s + 1
//                    --SkipTo(t), t > s--------------> gathering step t
//
// Norms of the step after the gathered one are kept (a peer may be ahead by
// one), older ones ignored (repeats). Those of the step before can still be
// looked up, for a peer that did not get them.
//
// Pure: no locks, no I/O, no clock.
#ifndef HAWSER_SERVER_STATE_NORM_GATHER_H_
#define HAWSER_SERVER_STATE_NORM_GATHER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace hawser {

class NormGather {
 public:
  NormGather(uint32_t blocks, uint64_t first_step);

  // Returns the squared norm of the whole gradient of the step when this was
  // the last block missing. Requires block < blocks.
  std::optional<double> Add(uint64_t step, uint32_t block, double squared_norm);

  // Steps before `step` are over, or need no norm.
  void SkipTo(uint64_t step);

  // The step that is being gathered.
  uint64_t step() const { return step_; }

  // The total of the step before step(), when it was gathered here: for a block
  // that has moved here and is a step behind.
  std::optional<double> TotalBefore() const;

  // The norm of a block at step() or the step before, if known.
  std::optional<double> Known(uint64_t step, uint32_t block) const;

 private:
  struct Row {
    std::vector<std::optional<double>> norms;
    uint32_t known = 0;
  };
  Row& RowOf(uint64_t step) { return rows_[step % rows_.size()]; }
  static double Total(const Row& row);

  uint64_t step_;
  std::array<Row, 3> rows_;  // of step_ - 1, step_ and step_ + 1
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_NORM_GATHER_H_
