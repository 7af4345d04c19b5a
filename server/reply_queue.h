// Replies of one stream that wait to leave, the most urgent first: a block that
// is not needed soon does not delay one that is.
//
// Not thread-safe.
#ifndef HAWSER_SERVER_REPLY_QUEUE_H_
#define HAWSER_SERVER_REPLY_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <utility>

namespace hawser {

template <typename Reply>
class ReplyQueue {
 public:
  // Of equal urgency, the first added leaves first.
  void Add(uint32_t urgency, Reply reply) {
    auto place = replies_.end();
    while (place != replies_.begin() && std::prev(place)->urgency > urgency) {
      --place;
    }
    replies_.insert(place, {urgency, std::move(reply)});
  }

  // Requires that one waits.
  Reply Next() {
    Reply next = std::move(replies_.front().reply);
    replies_.pop_front();
    return next;
  }

  bool empty() const { return replies_.empty(); }

 private:
  struct Waiting {
    uint32_t urgency;
    Reply reply;
  };
  std::deque<Waiting> replies_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_REPLY_QUEUE_H_
