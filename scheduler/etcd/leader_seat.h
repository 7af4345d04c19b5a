// A time in office: what a journal that several schedulers share has to know of
// who leads.
#ifndef HAWSER_SCHEDULER_ETCD_LEADER_SEAT_H_
#define HAWSER_SCHEDULER_ETCD_LEADER_SEAT_H_

#include <cstdint>
#include <optional>
#include <string>

namespace hawser {

// Thread-safe.
class LeaderSeat {
 public:
  virtual ~LeaderSeat() = default;

  // The etcd key that the leader holds.
  virtual const std::string& key() const = 0;
  // The revision at which this scheduler has made the key, while it leads;
  // nothing: another may lead. Cheap.
  virtual std::optional<int64_t> Leads() const = 0;
  // The journal found that the key is not of that revision any more.
  virtual void Lost(int64_t revision) = 0;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_ETCD_LEADER_SEAT_H_
