#include "server/state/run_pool.h"

#include <algorithm>
#include <vector>

#include "common/counter_random.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};  // positions

std::optional<Run> Positions(uint64_t position, uint64_t count) {
  return Run{position, count};
}

TEST(RunPoolTest, TheFirstComeFirst) {
  RunPool pool(4);
  pool.Add({8, 8});
  pool.Add({2, 3});
  EXPECT_EQ(pool.size(), 11u);
  EXPECT_EQ(pool.Take(2), Positions(2, 2));
  EXPECT_EQ(pool.Take(2), Positions(4, 1));
  EXPECT_EQ(pool.Take(100), Positions(8, 8));
  EXPECT_EQ(pool.Take(1), std::nullopt);
  EXPECT_EQ(pool.size(), 0u);
}

TEST(RunPoolTest, WhatComesBackIsNotJoinedToItsNeighbours) {
  RunPool pool(4);
  pool.Add({0, 8});
  const auto first = *pool.Take(3);
  const auto second = *pool.Take(2);
  pool.Add(second);
  pool.Add(first);
  EXPECT_EQ(pool.Take(8), first);
  EXPECT_EQ(pool.Take(8), second);
  EXPECT_EQ(pool.Take(8), Positions(5, 3));
}

TEST(RunPoolTest, TheMicroBatchesOfOneWorkerInEachStep) {
  RunPool pool(4);
  pool.Add({0, 12});
  EXPECT_EQ(pool.TakeOf(1, 3, 0, kAll), Positions(1, 2));
  EXPECT_EQ(pool.TakeOf(1, 3, 0, kAll), Positions(5, 2));
  EXPECT_EQ(pool.TakeOf(3, 4, 4, kAll), Positions(7, 1));
  EXPECT_EQ(pool.TakeOf(1, 3, 10, kAll), Positions(10, 1));
  EXPECT_EQ(pool.TakeOf(1, 3, 0, kAll), Positions(9, 1));
  EXPECT_EQ(pool.TakeOf(1, 3, 0, kAll), std::nullopt);
  EXPECT_EQ(pool.size(), 5u);
}

TEST(RunPoolTest, NothingOfOneWorkerBeyondAnEnd) {
  RunPool pool(4);
  pool.Add({0, 12});
  EXPECT_EQ(pool.TakeOf(1, 3, 0, 4), Positions(1, 2));
  EXPECT_EQ(pool.TakeOf(1, 3, 0, 4), std::nullopt);
  EXPECT_EQ(pool.TakeOf(1, 3, 0, 5), std::nullopt);
  EXPECT_EQ(pool.TakeOf(1, 3, 0, 8), Positions(5, 2));
  EXPECT_EQ(pool.size(), 8u);
}

TEST(RunPoolTest, OtherRangesCutWhatCameBackSmaller) {
  RunPool pool(4);
  pool.Add({0, 4});
  pool.Add(*pool.TakeOf(0, 2, 0, kAll));
  EXPECT_EQ(pool.TakeOf(1, 4, 0, kAll), Positions(1, 1));
  EXPECT_EQ(pool.TakeOf(1, 4, 0, kAll), Positions(2, 2));
  EXPECT_EQ(pool.TakeOf(0, 1, 0, kAll), Positions(0, 1));
}

TEST(RunPoolTest, AWorkersRunIsOfOneStepAlsoWhenItHasAll) {
  RunPool pool(4);
  pool.Add({2, 10});
  EXPECT_EQ(pool.TakeOf(0, 4, 0, kAll), Positions(2, 2));
  EXPECT_EQ(pool.TakeOf(0, 4, 0, kAll), Positions(4, 4));
}

TEST(RunPoolTest, TrimForgetsWhatIsBeyond) {
  RunPool pool(4);
  pool.Add({0, 3});
  pool.Add({4, 4});
  pool.Add({10, 1});
  pool.Trim(6);
  EXPECT_EQ(pool.size(), 5u);
  pool.Trim(3);
  EXPECT_EQ(pool.size(), 3u);
  EXPECT_EQ(pool.Take(8), Positions(0, 3));
  EXPECT_EQ(pool.Take(8), std::nullopt);
  pool.Add({0, 3});
  pool.Clear();
  EXPECT_EQ(pool.size(), 0u);
  EXPECT_EQ(pool.Take(8), std::nullopt);
}

// The slow obvious version: which piece each position belongs to.
class RowOfPieces {
 public:
  explicit RowOfPieces(uint64_t positions) : piece_(positions, 0) {}

  void Add(Run run) { Mark(run, next_piece_++); }

  uint64_t size() const {
    return piece_.size() -
           static_cast<uint64_t>(std::count(piece_.begin(), piece_.end(), 0));
  }
  bool Has(uint64_t position) const { return piece_[position] != 0; }

  // The rest of the first piece at or after `from`, to `end` at most.
  std::optional<Run> Peek(uint64_t from, uint64_t end) const {
    while (from < end && !Has(from)) ++from;
    if (from >= end) return std::nullopt;
    Run run = {from, 1};
    while (run.end() < end && piece_[run.end()] == piece_[from]) ++run.count;
    return run;
  }
  // A piece that is cut in its middle becomes two.
  void Remove(Run run) {
    const uint64_t piece = piece_[run.position];
    Mark(run, 0);
    for (uint64_t p = run.end(); p < piece_.size() && piece_[p] == piece; ++p) {
      piece_[p] = next_piece_;
    }
    ++next_piece_;
  }

 private:
  void Mark(Run run, uint64_t piece) {
    std::fill_n(piece_.begin() + static_cast<int64_t>(run.position), run.count,
                piece);
  }

  std::vector<uint64_t> piece_;  // 0: not in the pool
  uint64_t next_piece_ = 1;
};

TEST(RunPoolTest, AgreesWithARowOfPieces) {
  constexpr uint64_t kSteps = 6;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const CounterRandom random(seed, RandomPurpose::kSampleOrder);
    uint64_t draws = 0;
    const auto below = [&](uint64_t bound) {
      return random.Below(draws++, bound);
    };
    const uint64_t micro_batches = 1 + below(8);
    const uint64_t positions = kSteps * micro_batches;
    RunPool pool(micro_batches);
    RowOfPieces row(positions);
    for (int i = 0; i < 200; ++i) {
      switch (below(4)) {
        case 0: {
          hawser::Run run = {below(positions), 0};
          const uint64_t most = 1 + below(2 * micro_batches);
          while (run.count < most && run.end() < positions &&
                 !row.Has(run.end())) {
            ++run.count;
          }
          if (run.count == 0) break;
          pool.Add(run);
          row.Add(run);
          break;
        }
        case 1: {
          const uint64_t most = 1 + below(2 * micro_batches);
          std::optional<hawser::Run> wanted = row.Peek(0, positions);
          if (wanted.has_value()) wanted->count = std::min(wanted->count, most);
          ASSERT_EQ(pool.Take(most), wanted);
          if (wanted.has_value()) row.Remove(*wanted);
          break;
        }
        case 2: {
          const uint64_t first = below(micro_batches);
          const uint64_t last = first + 1 + below(micro_batches - first);
          const uint64_t from = below(positions);
          const uint64_t before = below(positions + 1);
          std::optional<hawser::Run> wanted;
          for (uint64_t step = 0; step < kSteps && !wanted.has_value();
               ++step) {
            const uint64_t begin = step * micro_batches;
            wanted = row.Peek(std::max(from, begin + first),
                              std::min(before, begin + last));
          }
          ASSERT_EQ(pool.TakeOf(first, last, from, before), wanted);
          if (wanted.has_value()) row.Remove(*wanted);
          break;
        }
        default: {
          if (below(10) != 0) break;
          const uint64_t end = below(positions + 1);
          pool.Trim(end);
          for (uint64_t p = end; p < positions; ++p) {
            if (row.Has(p)) row.Remove({p, 1});
          }
        }
      }
      ASSERT_EQ(pool.size(), row.size());
    }
  }
}

}  // namespace
}  // namespace hawser
