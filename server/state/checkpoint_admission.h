// Which of the checkpoints that come due a parameter shard takes part in: one
// at a time, so that memory is bounded. One that comes due while another is
// gathered from the blocks, or written, is skipped; the last one of a job never
// is, so that there are two in hand at most.
//
//   due (Admit, the first block) --nothing in hand, or the last--> in hand
//                                --else--> skipped
//   in hand --written, or given up (Release)--> gone
//
// Pure.
#ifndef HAWSER_SERVER_STATE_CHECKPOINT_ADMISSION_H_
#define HAWSER_SERVER_STATE_CHECKPOINT_ADMISSION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace hawser {

class CheckpointAdmission {
 public:
  explicit CheckpointAdmission(size_t blocks) : blocks_(blocks) {}

  // A block has reached a version of which a checkpoint is due; each block says
  // so once. True: it is to be kept as it is. The first one's answer is that of
  // all.
  bool Admit(uint64_t version, bool is_last);
  // The checkpoint is written, or given up.
  void Release(uint64_t version) { in_hand_.erase(version); }
  // Versions that have been skipped since the last call.
  std::vector<uint64_t> TakeSkipped() { return std::exchange(skipped_, {}); }

 private:
  struct Decision {
    bool admitted = false;
    size_t blocks_left = 0;  // that have not reached it
  };

  size_t blocks_;
  // Of versions that not all blocks have reached.
  std::map<uint64_t, Decision> decisions_;
  std::set<uint64_t> in_hand_;
  std::vector<uint64_t> skipped_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_CHECKPOINT_ADMISSION_H_
