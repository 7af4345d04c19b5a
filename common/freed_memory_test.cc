#include "common/freed_memory.h"

#include <cstddef>
#include <cstring>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr size_t kMessage = 100 << 10;
constexpr size_t kMessages = 320;
constexpr double kBurstMib = kMessage * kMessages / 1048576.0;

double ResidentMib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!absl::StartsWith(line, "RssAnon:")) continue;
    const std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    double kib = 0;
    EXPECT_TRUE(absl::SimpleAtod(words.at(1), &kib)) << line;
    return kib / 1024;
  }
  ADD_FAILURE() << "no RssAnon";
  return 0;
}

void TakeAndFree() {
  std::vector<std::unique_ptr<char[]>> messages;
  for (size_t i = 0; i < kMessages; ++i) {
    messages.emplace_back(new char[kMessage]);
    std::memset(messages.back().get(), 1, kMessage);
  }
}

// What the burst took, before and after it is given back, MiB.
struct Kept {
  double before;
  double after;
};

Kept AfterBurst(const std::function<void()>& burst) {
  const double begin = ResidentMib();
  burst();
  const double before = ResidentMib() - begin;
  GiveBackFreedMemory();
  return {before, ResidentMib() - begin};
}

class FreedMemory : public testing::Test {
 protected:
  static void SetUpTestSuite() { KeepFreedMemory(); }
};

void ExpectGivenBack(const Kept& kept) {
  EXPECT_GT(kept.before, 0.9 * kBurstMib);
  EXPECT_LT(kept.after, 0.1 * kBurstMib);
}

TEST_F(FreedMemory, OfTheFirstThreadIsKeptAndGivenBack) {
  ExpectGivenBack(AfterBurst(TakeAndFree));
}

// Another thread has another arena, and lives on with it.
TEST_F(FreedMemory, OfAnotherThreadIsKeptAndGivenBackTimeAndAgain) {
  for (int burst = 0; burst < 3; ++burst) {
    std::promise<void> freed;
    std::promise<void> looked;
    std::thread thread([&] {
      TakeAndFree();
      freed.set_value();
      looked.get_future().wait();
    });
    ExpectGivenBack(AfterBurst([&] { freed.get_future().wait(); }));
    looked.set_value();
    thread.join();
  }
}

}  // namespace
}  // namespace hawser
