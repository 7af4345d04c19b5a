#include "client/data_plane/local_parameter_channel.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/crc32c.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/wire/local_stream.h"
#include "glog/logging.h"

namespace hawser {
namespace {

// Segments of this process that one server is given; then payloads go inline.
constexpr size_t kMaxAnnounced = 200;
// Of a server: how many segments, and how much address space.
constexpr size_t kMaxSegments = 4096;
constexpr uint64_t kMaxSegmentBytes = uint64_t{1} << 44;
// Until the server has let go of what was sent to it.
constexpr absl::Duration kLongestGoodbye = absl::Seconds(2);

class LocalParameterChannel : public ParameterChannel {
 public:
  LocalParameterChannel(FileDescriptor socket, FileDescriptor wake,
                        const SharedMemory* memory,
                        std::unique_ptr<ParameterChannel> control)
      : socket_(std::move(socket)),
        wake_(std::move(wake)),
        memory_(memory),
        control_(std::move(control)),
        reader_(&socket_) {}

  ~LocalParameterChannel() override { AwaitEnd(); }

  absl::StatusOr<uint64_t> GetProgress(uint64_t job,
                                       uint64_t incarnation) override {
    return control_->GetProgress(job, incarnation);
  }

  absl::Status Send(const FrameHeader& header,
                    absl::Span<const char> payload) override {
    absl::MutexLock lock(&write_mutex_);
    LocalRecord record;
    record.released = received_.load();
    const auto place = Refer(header, payload);
    if (place.segment != nullptr) {
      ASSIGN_OR_RETURN(record.segment, NumberOf(place.segment));
      record.kind = LocalKind::kReference;
      record.offset = place.offset;
      record.header = EncodeFrameHeader(header);
      payload = {};
    } else {
      FrameHeader sealed = header;
      if (!NeedsChecksum(payload)) {
        sealed.payload_crc32c = Crc32c(payload.data(), payload.size());
      }
      record.header = EncodeFrameHeader(sealed);
    }
    RETURN_IF_ERROR(Write(OutgoingRecord(record, payload)));
    released_ = record.released;
    return absl::OkStatus();
  }

  uint64_t BytesForTwo() const override { return control_->BytesForTwo(); }

  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)> use)
      override {
    for (;;) {
      if (cancelled_.load()) return absl::CancelledError("cancelled");
      ASSIGN_OR_RETURN(const bool there, reader_.Next());
      if (!there) {
        ReleaseReceived();
        Await(POLLIN);
        continue;
      }
      switch (reader_.record().kind) {
        case LocalKind::kSegment:
          RETURN_IF_ERROR(TakeSegment());
          break;
        case LocalKind::kReference:
          return TakeReference(use);
        case LocalKind::kInline: {
          const absl::Span<const char> payload = reader_.payload();
          RETURN_IF_ERROR(CheckPayload(reader_.header(), {&payload, 1}));
          return use(reader_.header(), {&payload, 1});
        }
        case LocalKind::kRelease:
          break;  // of what was sent, an answer tells
        case LocalKind::kEnd:
          return absl::Status(
              static_cast<absl::StatusCode>(reader_.header().flags),
              absl::string_view(reader_.payload().data(),
                                reader_.payload().size()));
      }
    }
  }

  bool NeedsChecksum(absl::Span<const char> payload) const override {
    return payload.empty() || memory_ == nullptr ||
           memory_->Find(payload).segment == nullptr;
  }

  void Cancel() override {
    cancelled_.store(true);
    control_->Cancel();
    eventfd_write(wake_.get(), 1);  // and stays readable
  }

 private:
  // --- Out ---

  // Where the payload lies, if the server can read it there.
  SharedMemory::Place Refer(const FrameHeader& header,
                            absl::Span<const char> payload) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_) {
    const bool may_refer = memory_ != nullptr && !payload.empty() &&
                           (header.kind == FrameKind::kPush ||
                            header.kind == FrameKind::kPushRun) &&
                           header.codec == CodecId::kFloat32;
    if (!may_refer) return {};
    SharedMemory::Place place = memory_->Find(payload);
    const bool is_new =
        place.segment != nullptr && announced_.count(place.segment.get()) == 0;
    if (is_new && announced_.size() == kMaxAnnounced) return {};
    return place;
  }

  absl::StatusOr<uint32_t> NumberOf(
      const std::shared_ptr<const SharedSegment>& segment)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_) {
    const auto known = announced_.find(segment.get());
    if (known != announced_.end()) return known->second.first;
    const auto number = static_cast<uint32_t>(announced_.size());
    LocalRecord record;
    record.kind = LocalKind::kSegment;
    record.segment = number;
    record.released = released_;
    RETURN_IF_ERROR(
        Write(OutgoingRecord(record, {}, nullptr, segment->descriptor())));
    announced_[segment.get()] = {number, segment};
    return number;
  }

  absl::Status Write(OutgoingRecord record)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_) {
    for (;;) {
      if (cancelled_.load()) return absl::CancelledError("cancelled");
      ASSIGN_OR_RETURN(const bool sent, record.SendSome(socket_));
      if (sent) return absl::OkStatus();
      Await(POLLOUT);
    }
  }

  // Before this side goes to wait; otherwise the next frame says it.
  void ReleaseReceived() {
    if (!write_mutex_.TryLock()) return;
    LocalRecord record;
    record.kind = LocalKind::kRelease;
    record.released = received_.load();
    if (record.released != released_) {
      // The reader finds the error, too.
      Write(OutgoingRecord(record)).IgnoreError();
      released_ = record.released;
    }
    write_mutex_.Unlock();
  }

  // --- In ---

  absl::Status TakeSegment() {
    const FileDescriptor file = reader_.TakeDescriptor();
    if (reader_.record().segment != segments_.size() ||
        segments_.size() == kMaxSegments) {
      return absl::DataLossError("segments out of order, or too many");
    }
    ASSIGN_OR_RETURN(auto memory, ForeignMemory::Map(
                                      file, kMaxSegmentBytes - segment_bytes_));
    segment_bytes_ += memory->bytes();
    segments_.push_back(std::move(memory));
    return absl::OkStatus();
  }

  absl::Status TakeReference(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)> use) {
    const LocalRecord& record = reader_.record();
    const FrameHeader& header = reader_.header();
    if (header.kind != FrameKind::kBlock || header.codec != CodecId::kFloat32 ||
        record.segment >= segments_.size()) {
      return absl::DataLossError("a reference to nothing, or from no block");
    }
    ASSIGN_OR_RETURN(
        const absl::Span<const char> payload,
        segments_[record.segment]->At(record.offset, header.payload_bytes));
    const absl::Status status = use(header, {&payload, 1});
    received_.fetch_add(1);
    return status;
  }

  void Await(int16_t event) {
    pollfd waits[2] = {{socket_.get(), event, 0}, {wake_.get(), POLLIN, 0}};
    poll(waits, 2, -1);
  }

  // The server closes when it has done with all that was sent, and reads this
  // process's memory no more.
  void AwaitEnd() {
    shutdown(socket_.get(), SHUT_WR);
    const absl::Time limit = absl::Now() + kLongestGoodbye;
    for (;;) {
      const auto there = reader_.Next();
      if (!there.ok()) return;
      if (*there) {
        if (reader_.record().kind == LocalKind::kSegment) {
          reader_.TakeDescriptor();
        }
        continue;
      }
      const absl::Duration left = limit - absl::Now();
      if (left <= absl::ZeroDuration()) {
        LOG(WARNING) << "a server has not let go of this process's memory";
        return;
      }
      pollfd wait = {socket_.get(), POLLIN, 0};
      poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    }
  }

  const FileDescriptor socket_;
  const FileDescriptor wake_;
  const SharedMemory* const memory_;
  const std::unique_ptr<ParameterChannel> control_;
  std::atomic<bool> cancelled_{false};

  // A sender, and now and then the receiver.
  absl::Mutex write_mutex_;
  uint64_t released_ ABSL_GUARDED_BY(write_mutex_) = 0;  // as the server knows
  std::map<const SharedSegment*,
           std::pair<uint32_t, std::shared_ptr<const SharedSegment>>>
      announced_ ABSL_GUARDED_BY(write_mutex_);

  // The receiver's.
  LocalReader reader_;
  std::vector<std::shared_ptr<ForeignMemory>> segments_;
  uint64_t segment_bytes_ = 0;
  std::atomic<uint64_t> received_{0};  // frames by reference, done with
};

}  // namespace

absl::StatusOr<std::unique_ptr<ParameterChannel>> MakeLocalParameterChannel(
    const std::string& name, const SharedMemory* memory,
    std::unique_ptr<ParameterChannel> control) {
  ASSIGN_OR_RETURN(FileDescriptor socket, ConnectLocal(name));
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return SystemError("create", "an eventfd");
  return std::make_unique<LocalParameterChannel>(
      std::move(socket), std::move(wake), memory, std::move(control));
}

}  // namespace hawser
