#include "tests/cuda_emulation/block.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace cuda_emulation {

using hawser::simulation::Fiber;

Position position;

namespace {

Block* current_block = nullptr;

std::string NameOf(const std::source_location& site) {
  return absl::StrCat(site.file_name(), ":", site.line());
}

bool IsSame(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         std::strcmp(a.file_name(), b.file_name()) == 0;
}

// Beyond the shared memory.
constexpr size_t kGuard = 64;
constexpr char kBlank = '\xff';

}  // namespace

Block* Block::Current() { return current_block; }

Block::Block(dim3 size, size_t shared_bytes,
             const std::function<void()>& kernel, std::mt19937_64* random,
             hawser::simulation::StackPool* stacks)
    : size_(size),
      threads_count_(size.x * size.y * size.z),
      shared_bytes_(shared_bytes),
      kernel_(kernel),
      random_(random),
      stacks_(stacks),
      shared_(new char[shared_bytes + kGuard]) {}

std::string Block::Run(dim3 block, dim3 grid) {
  position.block = block;
  position.grid_size = grid;
  position.block_size = size_;
  std::memset(shared_.get(), kBlank, shared_bytes_ + kGuard);
  threads_.assign(threads_count_, Thread());
  at_warp_barrier_.assign((threads_count_ + kWarp - 1) / kWarp, 0);
  at_barrier_ = 0;
  done_ = 0;
  wrong_.clear();
  ready_.clear();
  not_begun_.resize(threads_count_);
  for (unsigned i = 0; i < threads_count_; ++i) not_begun_[i] = i;
  std::shuffle(not_begun_.begin(), not_begun_.end(), *random_);
  current_block = this;
  while (done_ < threads_count_ && wrong_.empty()) Step();
  for (const auto& fiber : fibers_) fiber->Kill();
  fibers_.clear();
  current_block = nullptr;
  if (wrong_.empty() && std::any_of(shared_.get() + shared_bytes_,
                                    shared_.get() + shared_bytes_ + kGuard,
                                    [](char c) { return c != kBlank; })) {
    wrong_ = "a thread has written beyond its block's shared memory";
  }
  return std::exchange(wrong_, "");
}

// Lets one thread go on, or begin.
void Block::Step() {
  const bool begin =
      !not_begun_.empty() && (ready_.empty() || (*random_)() % 4 == 0);
  if (begin) {
    fibers_.push_back(
        std::make_unique<Fiber>([this] { RunThreads(); }, stacks_));
    fibers_.back()->Resume();
    return;
  }
  if (ready_.empty()) {
    wrong_ = Stuck();
    return;
  }
  std::swap(ready_[(*random_)() % ready_.size()], ready_.back());
  current_ = ready_.back();
  ready_.pop_back();
  SetPosition(current_);
  threads_[current_].fiber->Resume();
}

// What a fiber does: threads one after the other, until one of them has parked
// and gone on.
void Block::RunThreads() {
  bool parked = false;
  while (!not_begun_.empty() && !parked) {
    const unsigned thread = not_begun_.back();
    not_begun_.pop_back();
    current_ = thread;
    SetPosition(thread);
    kernel_();
    parked = threads_[thread].fiber != nullptr;
    threads_[thread].state = State::kDone;
    ++done_;
  }
}

void Block::Park(State state, std::source_location site) {
  Thread& thread = threads_[current_];
  thread.state = state;
  thread.site = site;
  thread.fiber = Fiber::Current();
  Fiber::Park();
}

void Block::Syncthreads(std::source_location site) {
  if (++at_barrier_ == threads_count_) {
    threads_[current_].state = State::kAtBarrier;
    threads_[current_].site = site;
    ReleaseBlock();
  }
  Park(threads_[current_].state == State::kReady ? State::kReady
                                                 : State::kAtBarrier,
       site);
}

bool Block::SyncthreadsOr(bool holds, std::source_location site) {
  const unsigned turn = threads_[current_].questions++ % 2;
  threads_[current_].holds[turn] = holds;
  Syncthreads(site);
  return std::any_of(threads_.begin(), threads_.end(),
                     [&](const Thread& each) { return each.holds[turn]; });
}

void Block::ReleaseBlock() {
  at_barrier_ = 0;
  for (unsigned i = 0; i < threads_count_; ++i) {
    if (!IsSame(threads_[i].site, threads_[0].site)) {
      wrong_ = absl::StrCat("__syncthreads diverges: thread 0 is at ",
                            NameOf(threads_[0].site), ", thread ", i, " at ",
                            NameOf(threads_[i].site));
    }
    threads_[i].state = State::kReady;
    ready_.push_back(i);
  }
}

void Block::ReleaseWarpOf(unsigned thread) {
  const unsigned first = thread / kWarp * kWarp;
  const unsigned end = std::min(first + kWarp, threads_count_);
  at_warp_barrier_[first / kWarp] = 0;
  for (unsigned i = first; i < end; ++i) {
    if (!IsSame(threads_[i].site, threads_[first].site)) {
      wrong_ = absl::StrCat(
          "the threads of a warp diverge: ", NameOf(threads_[first].site),
          " and ", NameOf(threads_[i].site));
    }
    threads_[i].state = State::kReady;
    ready_.push_back(i);
  }
}

void Block::Syncwarp(std::source_location site) {
  const unsigned first = current_ / kWarp * kWarp;
  const unsigned members = std::min(kWarp, threads_count_ - first);
  threads_[current_].site = site;
  if (++at_warp_barrier_[first / kWarp] == members) {
    ReleaseWarpOf(current_);
    Park(State::kReady, site);
    return;
  }
  Park(State::kAtWarpBarrier, site);
}

uint32_t Block::Exchange(uint32_t value, unsigned lane,
                         std::source_location site) {
  const unsigned me = current_;
  const unsigned turn = threads_[me].exchanges++ % 2;
  threads_[me].exchanged[turn] = value;
  Syncwarp(site);
  const unsigned from = me / kWarp * kWarp + lane;
  if (from >= threads_count_) {
    wrong_ = absl::StrCat(NameOf(site), ": a shuffle from beyond the block");
    return 0;
  }
  return threads_[from].exchanged[turn];
}

void Block::SetPosition(unsigned thread) {
  position.thread = dim3(thread % size_.x, thread / size_.x % size_.y,
                         thread / (size_.x * size_.y));
}

// Nobody can go on.
std::string Block::Stuck() const {
  for (unsigned i = 0; i < threads_count_; ++i) {
    if (threads_[i].state == State::kAtBarrier ||
        threads_[i].state == State::kAtWarpBarrier) {
      return absl::StrCat("a barrier diverges: thread ", i, " waits at ",
                          NameOf(threads_[i].site), ", ", done_,
                          " threads have ended and others wait elsewhere");
    }
  }
  return "a block does not end";
}

void* BlockMemory() { return CHECK_NOTNULL(Block::Current())->memory(); }

void Syncthreads(std::source_location site) {
  CHECK_NOTNULL(Block::Current())->Syncthreads(site);
}
bool SyncthreadsOr(bool holds, std::source_location site) {
  return CHECK_NOTNULL(Block::Current())->SyncthreadsOr(holds, site);
}
void Syncwarp(std::source_location site) {
  CHECK_NOTNULL(Block::Current())->Syncwarp(site);
}
uint32_t Exchange(uint32_t value, unsigned lane, std::source_location site) {
  return CHECK_NOTNULL(Block::Current())->Exchange(value, lane, site);
}

}  // namespace cuda_emulation
