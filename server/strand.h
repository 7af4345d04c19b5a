// Runs tasks one at a time, in the order they were given, on whatever thread
// gives them: whoever finds the strand idle runs what is queued. A block's
// tasks all go through its strand, so that the block has a single writer and no
// lock, and the thread that received a message also works on it.
//
// Thread-safe. A task may call Run on any strand, its own included (it is then
// run later). Never blocks: a task given to a busy strand is run by the thread
// that is busy with it.
#ifndef HAWSER_SERVER_STRAND_H_
#define HAWSER_SERVER_STRAND_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"

namespace hawser {

class Strand {
 public:
  using Task = absl::AnyInvocable<void()>;

  Strand() : head_(new Node), tail_(head_.load()) {}
  Strand(const Strand&) = delete;
  Strand& operator=(const Strand&) = delete;
  // Requires that no task is queued or running.
  ~Strand() { delete tail_; }

  void Run(Task task);

 private:
  // A queue of many producers and one consumer (Vyukov): `head_` is where
  // producers link, `tail_` is a spent node before the next task.
  struct Node {
    std::atomic<Node*> next{nullptr};
    Task task;
  };

  void Drain();

  std::atomic<Node*> head_;
  Node* tail_;  // touched by the one who drains
  std::atomic<int64_t> pending_{0};
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STRAND_H_
