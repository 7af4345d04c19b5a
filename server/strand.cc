#include "server/strand.h"

#include <utility>

namespace hawser {

void Strand::Run(Task task) {
  Node* node = new Node;
  node->task = std::move(task);
  Node* before = head_.exchange(node, std::memory_order_acq_rel);
  before->next.store(node, std::memory_order_release);
  if (pending_.fetch_add(1, std::memory_order_acq_rel) == 0) Drain();
}

void Strand::Drain() {
  do {
    Node* next = tail_->next.load(std::memory_order_acquire);
    // A producer counts a task only after it linked it, but an earlier producer
    // may not have linked its own yet; it is about to.
    while (next == nullptr) {
      next = tail_->next.load(std::memory_order_acquire);
    }
    delete tail_;
    tail_ = next;
    Task task = std::move(next->task);
    task();
  } while (pending_.fetch_sub(1, std::memory_order_acq_rel) != 1);
}

}  // namespace hawser
