// Random histories that keep every rule, for tests: a small model of workers
// that join, read, push, repeat themselves and leave, at blocks that count
// every micro-batch once and let nobody read too early.
//
// Shares no code with the checker. Deterministic: all choices come from the
// generator that it is given.
#ifndef HAWSER_CLIENT_AUDIT_HISTORY_MODEL_H_
#define HAWSER_CLIENT_AUDIT_HISTORY_MODEL_H_

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "client/audit/record.h"

namespace hawser {

struct ModelHistory {
  uint64_t micro_batches = 0;
  std::map<uint64_t, AuditPhase> phases;  // by first step
  std::vector<AuditRecord> records;       // server after server
  // What the records tell, counted where they were made.
  uint64_t servers = 0, blocks = 0, repeats = 0;
  std::map<uint64_t, uint64_t> staleness, lag;

  const AuditPhase& PhaseAt(uint64_t step) const {
    return std::prev(phases.upper_bound(step))->second;
  }
};

ModelHistory RandomHistory(std::mt19937* random);

// The line of a record.
std::string RecordText(const AuditRecord& record);

}  // namespace hawser

#endif  // HAWSER_CLIENT_AUDIT_HISTORY_MODEL_H_
