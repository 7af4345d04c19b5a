#include "client/data_plane/send_queue.h"

#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/crc32c.h"
#include "common/threads.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

// Keeps the blocks sent, and holds each send until it is let go.
class HeldChannel : public ParameterChannel {
 public:
  absl::StatusOr<uint64_t> GetProgress(uint64_t, uint64_t) override {
    return uint64_t{0};
  }
  absl::Status Send(const FrameHeader& header,
                    absl::Span<const char> payload) override {
    EXPECT_EQ(header.payload_bytes, payload.size());
    EXPECT_EQ(header.payload_crc32c, Crc32c(payload.data(), payload.size()));
    absl::MutexLock lock(&mutex_);
    sent_.push_back(header.block);
    const auto let = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return cancelled_ || allowed_ >= sent_.size();
    };
    mutex_.Await(absl::Condition(&let));
    return cancelled_ ? absl::CancelledError("cancelled") : absl::OkStatus();
  }
  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)>)
      override {
    return absl::UnimplementedError("nothing comes");
  }
  void Cancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
  }

  void Allow(size_t frames) {
    absl::MutexLock lock(&mutex_);
    allowed_ = frames;
  }
  std::vector<uint32_t> Await(size_t frames) {
    absl::MutexLock lock(&mutex_);
    const auto there = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return sent_.size() >= frames;
    };
    mutex_.Await(absl::Condition(&there));
    return sent_;
  }

 private:
  absl::Mutex mutex_;
  std::vector<uint32_t> sent_ ABSL_GUARDED_BY(mutex_);
  size_t allowed_ ABSL_GUARDED_BY(mutex_) = 0;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

SendQueue::Frame FrameOf(uint32_t urgency, uint32_t block,
                         const std::string& payload) {
  SendQueue::Frame frame;
  frame.urgency = urgency;
  frame.header.block = block;
  frame.payload = {payload.data(), payload.size()};
  return frame;
}

TEST(SendQueueTest, AnUrgentFrameWaitsForTheOneMessageOnItsWay) {
  HeldChannel channel;
  const std::string payload = "a gradient";
  SendQueue queue(&channel, RealThreads(), [](const absl::Status&) {});
  queue.Add({FrameOf(9, 9, payload), FrameOf(8, 8, payload)},
            SendQueue::By::kThread);
  const uint32_t first = channel.Await(1)[0];
  queue.Add({FrameOf(5, 50, payload), FrameOf(1, 1, payload),
             FrameOf(5, 51, payload)},
            SendQueue::By::kThread);
  channel.Allow(5);
  EXPECT_EQ(channel.Await(5),
            std::vector<uint32_t>({first, 1, 50, 51, first == 9 ? 8u : 9u}));
  EXPECT_EQ(queue.sent_bytes(), 5 * (kFrameHeaderBytes + payload.size()));
}

TEST(SendQueueTest, TheCallerSendsWhatItAddsUnlessAnotherIsAtIt) {
  HeldChannel channel;
  channel.Allow(1);
  SendQueue queue(&channel, RealThreads(), [](const absl::Status&) {});
  queue.Add({FrameOf(0, 3, "")}, SendQueue::By::kCaller);
  EXPECT_EQ(channel.Await(1), std::vector<uint32_t>({3}));
  queue.Add({FrameOf(0, 4, "")}, SendQueue::By::kThread);
  channel.Await(2);  // held
  queue.Add({FrameOf(0, 5, "")}, SendQueue::By::kCaller);
  EXPECT_EQ(channel.Await(2).size(), 2u);
  channel.Allow(3);
  EXPECT_EQ(channel.Await(3), std::vector<uint32_t>({3, 4, 5}));
}

TEST(SendQueueTest, TheFirstErrorIsToldAndEndsIt) {
  HeldChannel channel;
  absl::Notification failed;
  absl::Status error;
  {
    SendQueue queue(&channel, RealThreads(), [&](const absl::Status& status) {
      error = status;
      failed.Notify();
    });
    queue.Add({FrameOf(0, 1, ""), FrameOf(0, 2, "")}, SendQueue::By::kThread);
    channel.Await(1);
    channel.Cancel();
    failed.WaitForNotification();
    queue.Add({FrameOf(0, 3, "")}, SendQueue::By::kCaller);
  }
  EXPECT_EQ(error.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(channel.Await(1), std::vector<uint32_t>({1}));
}

}  // namespace
}  // namespace hawser
