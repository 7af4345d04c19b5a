#include "server/intake.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace hawser {

Intake::Limits Intake::LimitsFor(int64_t memory_bytes) {
  Limits limits;
  limits.queued_bytes = memory_bytes / 2;
  limits.queued_bytes_of_stream = memory_bytes / 2;
  limits.receive_bytes = memory_bytes / 4;
  return limits;
}

absl::Status Intake::Admit() {
  if (streams_.fetch_add(1) < limits_.streams) return absl::OkStatus();
  streams_.fetch_sub(1);
  const absl::Status status = absl::ResourceExhaustedError(absl::StrCat(
      "the server has ", limits_.streams,
      " streams already; close some, or place the job on more servers"));
  CountRefused(status);
  return status;
}

absl::Status Intake::TakeMemory(int64_t bytes) {
  if (receive_bytes_.fetch_add(bytes) + bytes <= limits_.receive_bytes) {
    return absl::OkStatus();
  }
  receive_bytes_.fetch_sub(bytes);
  return absl::ResourceExhaustedError(absl::StrCat(
      "streams may keep ", limits_.receive_bytes,
      " bytes to receive in, and have them; place the job on more servers"));
}

void Intake::CountDamaged(const absl::Status& status) {
  ++damaged_frames_;
  LOG_EVERY_N(WARNING, 100)
      << "stream cut: " << status.message() << " (" << damaged_frames_
      << " damaged frames since the start)";
}

void Intake::CountRefused(const absl::Status& status) {
  ++refused_streams_;
  LOG_EVERY_N(WARNING, 100) << "stream refused: " << status.message() << " ("
                            << refused_streams_ << " since the start)";
}

void Intake::CollectMetrics(MetricFamilies* families) const {
  families->Gauge("hawser_server_streams", "Streams of workers that are open.",
                  static_cast<double>(streams()));
  families->Gauge("hawser_server_queued_reply_bytes",
                  "Memory that replies keep which have not left yet.",
                  static_cast<double>(queued_bytes()));
  families->Gauge("hawser_server_receive_buffer_bytes",
                  "Memory that direct streams keep to receive in.",
                  static_cast<double>(receive_bytes()));
  families->Counter("hawser_server_damaged_frames_total",
                    "Frames that failed their checks, and cut their stream.",
                    static_cast<double>(damaged_frames()));
  families->Counter("hawser_server_refused_streams_total",
                    "Peers that were turned away.",
                    static_cast<double>(refused_streams()));
  families->Counter("hawser_server_slow_readers_total",
                    "Streams that were cut, since the peer did not read.",
                    static_cast<double>(slow_readers()));
}

Backlog::~Backlog() { CHECK_EQ(frames_, 0); }

absl::Status Backlog::Add(const OutgoingFrame& frame, Entry* entry) {
  const Intake::Limits& limits = intake_->limits_;
  const auto bytes = static_cast<int64_t>(frame.payload.size());
  const int64_t share =
      limits.queued_bytes / std::max<int64_t>(intake_->streams_.load(), 1);
  const bool is_full = frames_ == limits.queued_frames_of_stream ||
                       bytes_ + bytes > limits.queued_bytes_of_stream;
  const bool is_unfair =
      intake_->queued_bytes_.load() + bytes > limits.queued_bytes &&
      bytes_ + bytes > share;
  if (is_full || is_unfair) {
    ++intake_->slow_readers_;
    return absl::ResourceExhaustedError(
        absl::StrCat(frames_, " replies of ", bytes_,
                     " bytes wait to be read; read them before asking more"));
  }
  // A message without payload does not keep the buffer.
  if (frame.buffer != nullptr && bytes != 0) {
    entry->waiting = &frame.buffer->waiting;
  }
  entry->bytes = bytes;
  ++frames_;
  bytes_ += bytes;
  if (entry->waiting == nullptr || entry->waiting->fetch_add(1) == 0) {
    intake_->queued_bytes_.fetch_add(bytes);
  }
  return absl::OkStatus();
}

void Backlog::Remove(const Entry& entry) {
  --frames_;
  bytes_ -= entry.bytes;
  if (entry.waiting == nullptr || entry.waiting->fetch_sub(1) == 1) {
    intake_->queued_bytes_.fetch_sub(entry.bytes);
  }
}

}  // namespace hawser
