// When may a read proceed: the gate of one block. A read names the version it
// wants; it is served when the block has reached it, and parked until then. In
// synchronous mode (staleness 0) a worker at step t wants version t exactly;
// the block keeps its current version and the one before, because a worker that
// joins or repeats a step may be one behind (see docs/architecture.md, "One
// version behind").
//
//   Request(v): v == current or current - 1 -> kServe
//               v == current + 1            -> kPark until Advance
//               otherwise                   -> kRefuse
//
// Pure: tokens stand for the parked requests.
#ifndef HAWSER_SERVER_STATE_READ_GATE_H_
#define HAWSER_SERVER_STATE_READ_GATE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hawser {

class ReadGate {
 public:
  enum class Verdict {
    kServe,
    kPark,
    kRefuse,  // no worker that follows the protocol can want this version
    kFull,    // too many are parked
  };

  // Most requests parked at once.
  static constexpr size_t kMaxParked = 1 << 16;

  explicit ReadGate(uint64_t version) : version_(version) {}

  uint64_t version() const { return version_; }

  // The token is kept only for kPark.
  Verdict Request(uint64_t wanted, uint64_t token);

  // The block reached version() + 1. Returns the parked tokens, in order of
  // arrival, all of which wanted it.
  std::vector<uint64_t> Advance();

  // The parked tokens, which are forgotten: the job's members changed.
  std::vector<uint64_t> Dismiss();

 private:
  uint64_t version_;
  std::vector<uint64_t> parked_;  // all want version_ + 1
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_READ_GATE_H_
