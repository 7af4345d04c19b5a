#include "client/data_plane/send_queue.h"

#include <algorithm>
#include <utility>

#include "common/crc32c.h"

namespace hawser {

SendQueue::SendQueue(ParameterChannel* channel, Threads* threads,
                     std::function<void(const absl::Status&)> failed)
    : channel_(channel),
      threads_(threads),
      failed_(std::move(failed)),
      thread_(threads->Start([this] { RunThread(); })) {}

SendQueue::~SendQueue() {
  {
    absl::MutexLock lock(&mutex_);
    over_ = true;
  }
  thread_->Join();
}

void SendQueue::Add(absl::Span<const Frame> frames, By by) {
  absl::MutexLock lock(&mutex_);
  if (over_) return;
  for (const Frame& frame : frames) {
    heap_.push_back({added_++, frame});
    std::push_heap(heap_.begin(), heap_.end());
  }
  if (by == By::kThread) return;
  while (!heap_.empty() && !sending_ && !over_) SendOne();
}

void SendQueue::RunThread() {
  const auto has_work = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return over_ || (!heap_.empty() && !sending_);
  };
  absl::MutexLock lock(&mutex_);
  for (;;) {
    threads_->Await(&mutex_, absl::Condition(&has_work));
    if (over_) return;
    SendOne();
  }
}

void SendQueue::SendOne() {
  std::pop_heap(heap_.begin(), heap_.end());
  const Frame frame = heap_.back().frame;
  heap_.pop_back();
  sending_ = true;
  mutex_.Unlock();
  const absl::Status status = Send(frame);
  if (!status.ok()) failed_(status);
  mutex_.Lock();
  sending_ = false;
  if (!status.ok()) over_ = true;
}

absl::Status SendQueue::Send(Frame frame) {
  const TraceSpan::Details details{.block = frame.header.block,
                                   .node = frame.to,
                                   .bytes = frame.payload.size()};
  const TraceSpan span(frame.trace, SPAN_PUSH, details);
  TraceSpan encode(frame.trace, SPAN_ENCODE, details);
  if (const Codec* codec = frame.encoding.codec) {
    const auto n = static_cast<int64_t>(frame.payload.size() / sizeof(float));
    codec->Encode(reinterpret_cast<const float*>(frame.payload.data()), n,
                  frame.encoding.residual, frame.encoding.bytes);
    frame.payload = {frame.encoding.bytes, codec->EncodedBytes(n)};
  }
  const size_t bytes = frame.payload.size();
  frame.header.payload_bytes = static_cast<uint32_t>(bytes);
  if (channel_->NeedsChecksum(frame.payload)) {
    frame.header.payload_crc32c = Crc32c(frame.payload.data(), bytes);
  }
  encode.End();
  sent_bytes_ += kFrameHeaderBytes + bytes;
  return channel_->Send(frame.header, frame.payload);
}

}  // namespace hawser
