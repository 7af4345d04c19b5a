#include "common/freed_memory.h"

#include <malloc.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <thread>
#include <vector>

namespace hawser {
namespace {

constexpr int kMapNothing = 1 << 30;
constexpr int kMostFreeEnd = INT_MAX;
constexpr int kGrowBy = 64 << 20;
// A free of at least 64 KiB looks at the end of its arena.
constexpr size_t kLooksAtTheEnd = 128 << 10;

int MostArenas() {
  return std::max(2, static_cast<int>(std::thread::hardware_concurrency()) / 2);
}

// Beside threads that allocate, of which glibc promises nothing: it writes a
// word that they read, and either value is right for them.
void SetFreeEnds(int most, int left) {
  mallopt(M_TRIM_THRESHOLD, most);
  mallopt(M_TOP_PAD, left);
}

struct Visit {
  std::atomic<int> arrived{0};
  std::atomic<bool> over{false};
};

void* VisitArena(void* of) {
  Visit& visit = *static_cast<Visit*>(of);
  void* volatile chunk = std::malloc(kLooksAtTheEnd);
  std::free(chunk);
  visit.arrived.fetch_add(1);
  visit.arrived.notify_one();
  visit.over.wait(false);
  return nullptr;
}

// Frees something in every arena. glibc gives a new thread an arena that nobody
// has, or else the next in turn: with twice as many threads as arenas, all
// there at once, each has its turn. A system that refuses a thread is asked
// again the next time.
void VisitArenas() {
  Visit visit;
  std::vector<pthread_t> visitors;
  for (int i = 0; i < 2 * MostArenas(); ++i) {
    pthread_t visitor;
    if (pthread_create(&visitor, nullptr, VisitArena, &visit) != 0) break;
    visitors.push_back(visitor);
  }
  const int all = static_cast<int>(visitors.size());
  for (int now = visit.arrived.load(); now < all; now = visit.arrived.load()) {
    visit.arrived.wait(now);
  }
  visit.over.store(true);
  visit.over.notify_all();
  for (const pthread_t visitor : visitors) pthread_join(visitor, nullptr);
}

}  // namespace

void KeepFreedMemory() {
  mallopt(M_ARENA_MAX, MostArenas());
  mallopt(M_MMAP_THRESHOLD, kMapNothing);
  SetFreeEnds(kMostFreeEnd, kGrowBy);
}

void GiveBackFreedMemory() {
  // Holes everywhere, but the free end of the first arena alone: what is free
  // at the end of others, which is as much as they ever held, only a free there
  // gives back.
  malloc_trim(0);
  SetFreeEnds(0, 0);
  VisitArenas();
  SetFreeEnds(kMostFreeEnd, kGrowBy);
}

}  // namespace hawser
