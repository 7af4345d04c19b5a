// When may an update of a block be made that has a replica on a second server:
// once the replica has it.
//
//   alone  no replica: at once
//   apart  the replica has not shown yet that it has what the block has
//          --Level--> level
//   level  --Offer(n): kSend--> n is on its way --Answered(n): make it--> level
//   filling  the replica counts for nothing yet: at once; whoever hands out
//   what
//            the block has says Level, and all later updates go there, too
//          --Level--> level
//
//   any --Adopt (a new incarnation)--> alone, apart or filling; what was on its
//   way is forgotten: it is offered again once the replica is level, or made
//
// What holds, whenever either server dies, unless it was filling:
// - what the block has, and anybody was told of it, the replica has, too: no
//   update is made here before the replica has answered that it made it;
// - the replica has at most those updates besides that are on their way, of
//   which nobody was told; in a new incarnation it gives them up to be as the
//   block is, or goes on with them in its place;
// - updates are made at both in one order, that in which they were offered.
//
// Pure: updates are numbers, which are the block's.
#ifndef HAWSER_SERVER_STATE_REPLICATION_H_
#define HAWSER_SERVER_STATE_REPLICATION_H_

#include <cstdint>
#include <deque>

namespace hawser {

class Replication {
 public:
  enum class Verdict {
    kMake,  // now
    kSend,  // to the replica; to be made when it has answered
    kWait,  // it is on its way, or to be offered again when the replica is
            // level
  };

  enum class Replica { kNone, kFilled, kFilling };
  void Adopt(Replica replica);
  // Nothing changes where there is no replica.
  void Level() { is_level_ = replica_ != Replica::kNone; }

  Verdict Offer(uint64_t update);
  // True: make it. False: it is of an incarnation before. Answers come in the
  // order of the offers.
  bool Answered(uint64_t update);

  // Nothing is made here alone.
  bool is_needed() const {
    return replica_ == Replica::kFilled ||
           (replica_ == Replica::kFilling && is_level_);
  }

 private:
  Replica replica_ = Replica::kNone;
  bool is_level_ = false;
  std::deque<uint64_t> on_its_way_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_REPLICATION_H_
