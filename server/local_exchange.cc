#include "server/local_exchange.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {
namespace {

// Frames of one stream that blocks are busy with.
constexpr int kMaxInHand = 64;
// Of a peer: how many segments, and how much address space.
constexpr size_t kMaxSegments = 256;
constexpr uint64_t kMaxSegmentBytes = uint64_t{1} << 42;
// Segments of this process that one peer is given; then payloads go inline.
constexpr size_t kMaxAnnounced = 4096;

// The peer may change what it refers to at any moment: floats can have any
// value, but what a codec packs has places and lengths in it.
bool MayRefer(const FrameHeader& header) {
  return (header.kind == FrameKind::kPush ||
          header.kind == FrameKind::kPushRun) &&
         header.codec == CodecId::kFloat32;
}

}  // namespace

// A frame that is being worked on, and what its payload lies in.
struct LocalExchange::InHand {
  InHand(std::shared_ptr<LocalExchange> stream,
         std::shared_ptr<const void> memory, absl::Span<const char> bytes)
      : exchange(std::move(stream)), keeps(std::move(memory)), payload(bytes) {
    exchange->in_hand_.fetch_add(1);
  }
  InHand(const InHand&) = delete;
  InHand& operator=(const InHand&) = delete;
  ~InHand() {
    keeps.reset();
    exchange->in_hand_.fetch_sub(1);
    exchange->in_hand_.notify_one();
  }

  const std::shared_ptr<LocalExchange> exchange;
  std::shared_ptr<const void> keeps;
  const absl::Span<const char> payload;
};

LocalExchange::LocalExchange(FileDescriptor socket, FileDescriptor wake,
                             Intake* intake)
    : socket_(std::move(socket)),
      wake_(std::move(wake)),
      intake_(intake),
      reader_(&socket_),
      backlog_(intake) {}

LocalExchange::~LocalExchange() = default;

// --- The reader's thread ----------------------------------------------------

void LocalExchange::Run() {
  absl::Status status = intake_->Admit();
  const bool admitted = status.ok();
  if (admitted) {
    handler_ = intake_->NewHandler();
    status = Serve();
    if (!absl::IsUnavailable(status)) intake_->CountDamaged(status);
  }
  // The peer sees the end of the stream when nothing of it is read any more.
  AwaitInHand(0);
  segments_.clear();
  OnStrand([status](LocalExchange* self) {
    self->Close(status);
    self->socket_ = FileDescriptor();
  });
  if (admitted) intake_->Leave();
}

void LocalExchange::Stop() {
  stopping_.store(true);
  eventfd_write(wake_.get(), 1);
}

absl::Status LocalExchange::Serve() {
  for (;;) {
    ASSIGN_OR_RETURN(const bool there, reader_.Next());
    if (there) {
      RETURN_IF_ERROR(Take());
    } else if (stopping_.load()) {
      return absl::UnavailableError("the server stops");
    } else {
      AwaitSocket();
    }
  }
}

void LocalExchange::AwaitSocket() {
  pollfd waits[2] = {{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  if (write_waits_.load()) waits[0].events |= POLLOUT;
  poll(waits, 2, -1);
  if ((waits[1].revents & POLLIN) != 0) {
    eventfd_t ignored;
    eventfd_read(wake_.get(), &ignored);
  }
  if ((waits[0].revents & POLLOUT) != 0) {
    write_waits_.store(false);
    OnStrand([](LocalExchange* self) { self->Flush(); });
  }
}

void LocalExchange::AwaitInHand(int most) {
  for (int now = in_hand_.load(); now > most; now = in_hand_.load()) {
    in_hand_.wait(now);
  }
}

absl::Status LocalExchange::Take() {
  const LocalRecord& record = reader_.record();
  if (record.released < released_ || record.released > referred_.load()) {
    return absl::DataLossError("a release of what was not sent");
  }
  if (record.released != released_) {
    released_ = record.released;
    OnStrand([released = released_](LocalExchange* self) {
      self->Release(released);
    });
  }
  switch (record.kind) {
    case LocalKind::kRelease:
      return absl::OkStatus();
    case LocalKind::kSegment:
      return TakeSegment();
    case LocalKind::kInline:
    case LocalKind::kReference:
      return TakeFrame();
    case LocalKind::kEnd:
      break;
  }
  return absl::DataLossError("a server is not told why a stream ends");
}

absl::Status LocalExchange::TakeSegment() {
  const FileDescriptor file = reader_.TakeDescriptor();
  if (reader_.record().segment != segments_.size() ||
      segments_.size() == kMaxSegments) {
    return absl::DataLossError("segments out of order, or too many");
  }
  ASSIGN_OR_RETURN(std::shared_ptr<ForeignMemory> memory,
                   ForeignMemory::Map(file, kMaxSegmentBytes - segment_bytes_));
  segment_bytes_ += memory->bytes();
  segments_.push_back(std::move(memory));
  return absl::OkStatus();
}

absl::Status LocalExchange::TakeFrame() {
  const LocalRecord& record = reader_.record();
  const FrameHeader& header = reader_.header();
  if (record.kind == LocalKind::kReference) {
    if (!MayRefer(header) || record.segment >= segments_.size()) {
      return absl::DataLossError("a reference to nothing, or from no push");
    }
    const auto& memory = segments_[record.segment];
    ASSIGN_OR_RETURN(const absl::Span<const char> payload,
                     memory->At(record.offset, header.payload_bytes));
    AwaitInHand(kMaxInHand - 1);
    Hand(payload, memory);
    return absl::OkStatus();
  }
  const absl::Span<const char> payload = reader_.payload();
  RETURN_IF_ERROR(CheckPayload(header, {&payload, 1}));
  // An answer to this frame says that those before it have been read.
  AwaitInHand(0);
  Hand(payload, nullptr);
  AwaitInHand(payload.empty() ? kMaxInHand : 0);
  return absl::OkStatus();
}

void LocalExchange::Hand(absl::Span<const char> payload,
                         std::shared_ptr<const void> keeps) {
  auto frame =
      std::make_shared<InHand>(shared_from_this(), std::move(keeps), payload);
  const PayloadPieces pieces(&frame->payload, payload.empty() ? 0 : 1);
  handler_->Handle({reader_.header(), pieces, frame->exchange,
                    [frame = std::move(frame)]() mutable { frame.reset(); }});
}

// --- The strand -------------------------------------------------------------

void LocalExchange::Send(OutgoingFrame frame) {
  OnStrand([frame = std::move(frame)](LocalExchange* self) mutable {
    self->Queue(std::move(frame));
  });
}

void LocalExchange::OnStrand(absl::AnyInvocable<void(LocalExchange*)> task) {
  // Not the task's: it would go before the strand is done with it.
  const auto self = shared_from_this();
  strand_.Run([self, task = std::move(task)]() mutable { task(self.get()); });
}

void LocalExchange::Queue(OutgoingFrame frame) {
  if (closed_) return;
  Backlog::Entry entry;
  const absl::Status status = backlog_.Add(frame, &entry);
  if (!status.ok()) {
    Close(status);
    return;
  }
  uint32_t number = 0;
  if (NumberOf(frame, &number)) {
    LocalRecord record;
    record.kind = LocalKind::kReference;
    record.segment = number;
    record.offset = frame.buffer->place().offset;
    record.header = frame.header;
    held_.push_back({std::move(frame.owner), entry});
    referred_.fetch_add(1);
    queue_.push_back({OutgoingRecord(record), std::nullopt});
  } else {
    QueueInline(std::move(frame), entry);
  }
  if (!write_waits_.load()) Flush();
}

bool LocalExchange::NumberOf(const OutgoingFrame& frame, uint32_t* number) {
  if (frame.buffer == nullptr ||
      DecodeFrameHeader(frame.header)->codec != CodecId::kFloat32) {
    return false;
  }
  const auto& segment = frame.buffer->place().segment;
  if (segment == nullptr) return false;
  const auto known = announced_.find(segment.get());
  if (known != announced_.end()) {
    *number = known->second.first;
    return true;
  }
  if (announced_.size() == kMaxAnnounced) return false;
  *number = static_cast<uint32_t>(announced_.size());
  announced_[segment.get()] = {*number, segment};
  LocalRecord record;
  record.kind = LocalKind::kSegment;
  record.segment = *number;
  queue_.push_back({OutgoingRecord(record, {}, segment, segment->descriptor()),
                    std::nullopt});
  return true;
}

void LocalExchange::QueueInline(OutgoingFrame frame,
                                const Backlog::Entry& entry) {
  LocalRecord record;
  record.header = frame.header;
  if (frame.buffer != nullptr) {
    // Its checksum was left out.
    FrameHeader header = *DecodeFrameHeader(frame.header);
    header.payload_crc32c = Crc32c(frame.payload.data(), frame.payload.size());
    record.header = EncodeFrameHeader(header);
  }
  queue_.push_back(
      {OutgoingRecord(record, frame.payload, std::move(frame.owner)), entry});
}

void LocalExchange::Release(uint64_t released) {
  for (; let_go_ < released && !held_.empty(); ++let_go_) {
    backlog_.Remove(held_.front().entry);
    held_.pop_front();
  }
}

void LocalExchange::Flush() {
  while (!closed_ && !queue_.empty()) {
    const auto sent = queue_.front().record.SendSome(socket_);
    if (!sent.ok()) {
      Close(sent.status());
      return;
    }
    if (!*sent) {
      write_waits_.store(true);
      eventfd_write(wake_.get(), 1);
      return;
    }
    if (queue_.front().entry.has_value()) {
      backlog_.Remove(*queue_.front().entry);
    }
    queue_.pop_front();
  }
}

void LocalExchange::Close(const absl::Status& why) {
  if (std::exchange(closed_, true)) return;
  if (!absl::IsUnavailable(why) && !write_waits_.load()) {
    const std::string message(why.message());
    FrameHeader header;
    header.kind = FrameKind::kError;
    header.flags = static_cast<uint16_t>(why.code());
    header.payload_bytes = static_cast<uint32_t>(message.size());
    LocalRecord record;
    record.kind = LocalKind::kEnd;
    record.header = EncodeFrameHeader(header);
    OutgoingRecord(record, message).SendSome(socket_).IgnoreError();
  }
  for (const Waiting& waiting : queue_) {
    if (waiting.entry.has_value()) backlog_.Remove(*waiting.entry);
  }
  queue_.clear();
  for (const Held& held : held_) backlog_.Remove(held.entry);
  held_.clear();
  announced_.clear();
  shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace hawser
