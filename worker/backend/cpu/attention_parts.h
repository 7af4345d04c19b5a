// An attention of several samples and groups as those of one each.
#ifndef HAWSER_WORKER_BACKEND_CPU_ATTENTION_PARTS_H_
#define HAWSER_WORKER_BACKEND_CPU_ATTENTION_PARTS_H_

#include <cstdint>

#include "worker/backend/lane.h"

namespace hawser {

struct AttentionPart {
  Attention attention;
  int64_t sample = 0;
  int64_t group = 0;
  int64_t queries = 0, keys = 0, query_columns = 0;

  // The part of q, y or their derivatives; of k, v or theirs; of log_sums.
  template <typename M>
  M OfQueries(const M& x) const {
    return x.Rows(sample * queries, queries)
        .Columns(group * query_columns, query_columns);
  }
  template <typename M>
  M OfKeys(const M& x) const {
    return x.Rows(sample * keys, keys)
        .Columns(group * attention.head_width, attention.head_width);
  }
  template <typename T>
  T* OfLogSums(T* log_sums) const {
    return log_sums + first_head * queries;
  }
  int64_t first_head = 0;  // of the heads of all samples
};

// Calls use(part), one after the other.
template <typename Use>
void ForEachPart(const Attention& attention, ConstMatrix q, ConstMatrix k,
                 Use use) {
  AttentionPart part;
  part.queries = q.rows() / attention.samples;
  part.keys = k.rows() / attention.samples;
  part.query_columns = q.columns() / attention.groups;
  const int64_t heads = part.query_columns / attention.head_width;
  for (int64_t s = 0; s < attention.samples; ++s) {
    for (int64_t g = 0; g < attention.groups; ++g) {
      part.sample = s;
      part.group = g;
      part.first_head = (s * attention.groups + g) * heads;
      part.attention = attention;
      part.attention.samples = part.attention.groups = 1;
      part.attention.dropout.first_row += part.first_head * part.queries;
      use(part);
    }
  }
}

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_ATTENTION_PARTS_H_
