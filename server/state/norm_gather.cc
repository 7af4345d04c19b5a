#include "server/state/norm_gather.h"

namespace hawser {

NormGather::NormGather(uint32_t blocks, uint64_t first_step)
    : step_(first_step) {
  for (Row& row : rows_) row.norms.resize(blocks);
}

std::optional<double> NormGather::Add(uint64_t step, uint32_t block,
                                      double squared_norm) {
  if (step != step_ && step != step_ + 1) return std::nullopt;
  Row& row = RowOf(step);
  std::optional<double>& norm = row.norms[block];
  if (norm.has_value()) return std::nullopt;
  norm = squared_norm;
  ++row.known;
  if (step != step_ || row.known != row.norms.size()) return std::nullopt;
  const double total = Total(row);
  ++step_;
  Row& next = RowOf(step_ + 1);  // held the step before this one
  next.known = 0;
  for (std::optional<double>& each : next.norms) each.reset();
  return total;
}

void NormGather::SkipTo(uint64_t step) {
  if (step <= step_) return;
  step_ = step;
  for (Row& row : rows_) {
    row.known = 0;
    for (std::optional<double>& each : row.norms) each.reset();
  }
}

double NormGather::Total(const Row& row) {
  double total = 0;
  for (const std::optional<double>& each : row.norms) total += *each;
  return total;
}

std::optional<double> NormGather::TotalBefore() const {
  if (step_ == 0) return std::nullopt;
  const Row& row = rows_[(step_ - 1) % rows_.size()];
  if (row.known != row.norms.size()) return std::nullopt;
  return Total(row);
}

std::optional<double> NormGather::Known(uint64_t step, uint32_t block) const {
  if (step != step_ && step + 1 != step_) return std::nullopt;
  return rows_[step % rows_.size()].norms[block];
}

}  // namespace hawser
