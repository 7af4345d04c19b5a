// When may an update of a block be made that has a replica on a second server:
// once the replica has it.
//
//   alone  no replica: at once
//   apart  the replica has not shown yet that it has what the block has
//          --Level--> level
//   level  --Offer(n): kSend--> n is on its way --Answered(n): make it--> level
//
//   any --Adopt (a new incarnation)--> alone or apart; what was on its way is
//   forgotten: it is offered again once the replica is level
//
// What holds, whenever either server dies:
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

  void Adopt(bool has_replica);
  // Nothing changes where there is no replica.
  void Level() { is_level_ = has_replica_; }

  Verdict Offer(uint64_t update);
  // True: make it. False: it is of an incarnation before. Answers come in the
  // order of the offers.
  bool Answered(uint64_t update);

  bool has_replica() const { return has_replica_; }

 private:
  bool has_replica_ = false;
  bool is_level_ = false;
  std::deque<uint64_t> on_its_way_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_REPLICATION_H_
