#include "server/local_exchange.h"

#include <string>

#include "common/crc32c.h"
#include "common/status_macros.h"

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

LocalExchange::LocalExchange(FileDescriptor socket, FileDescriptor wake,
                             Intake* intake)
    : SocketExchange(std::move(socket), std::move(wake), intake),
      reader_(&this->socket()) {}

LocalExchange::~LocalExchange() = default;

// --- The reader's thread ----------------------------------------------------

absl::StatusOr<bool> LocalExchange::TakeNext() {
  ASSIGN_OR_RETURN(const bool there, reader_.Next());
  if (!there) return false;
  const LocalRecord& record = reader_.record();
  if (record.released < released_ || record.released > referred_.load()) {
    return absl::DataLossError("a release of what was not sent");
  }
  if (record.released != released_) {
    released_ = record.released;
    OnStrand([this, released = released_] { Release(released); });
  }
  switch (record.kind) {
    case LocalKind::kRelease:
      return true;
    case LocalKind::kSegment:
      RETURN_IF_ERROR(TakeSegment());
      return true;
    case LocalKind::kInline:
    case LocalKind::kReference:
      RETURN_IF_ERROR(TakeFrame());
      return true;
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
    Hand(header, payload, memory);
    return absl::OkStatus();
  }
  const absl::Span<const char> payload = reader_.payload();
  RETURN_IF_ERROR(CheckPayload(header, {&payload, 1}));
  // An answer to this frame says that those before it have been read.
  AwaitInHand(0);
  Hand(header, payload, nullptr);
  AwaitInHand(payload.empty() ? kMaxInHand : 0);
  return absl::OkStatus();
}

// --- The strand -------------------------------------------------------------

void LocalExchange::Queue(OutgoingFrame frame, const Backlog::Entry& entry) {
  uint32_t number = 0;
  if (!NumberOf(frame, &number)) {
    QueueInline(std::move(frame), entry);
    return;
  }
  LocalRecord record;
  record.kind = LocalKind::kReference;
  record.segment = number;
  record.offset = frame.buffer->place().offset;
  record.header = frame.header;
  held_.push_back({std::move(frame.owner), entry});
  referred_.fetch_add(1);
  queue_.push_back({OutgoingRecord(record), std::nullopt});
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
    backlog()->Remove(held_.front().entry);
    held_.pop_front();
  }
}

absl::StatusOr<bool> LocalExchange::SendQueued() {
  while (!queue_.empty()) {
    ASSIGN_OR_RETURN(const bool sent, queue_.front().record.SendSome(socket()));
    if (!sent) return false;
    Remove(queue_.front());
    queue_.pop_front();
  }
  return true;
}

void LocalExchange::QueueEnd(const absl::Status& why) {
  const auto message = std::make_shared<const std::string>(why.message());
  FrameHeader header;
  header.kind = FrameKind::kError;
  header.flags = static_cast<uint16_t>(why.code());
  header.payload_bytes = static_cast<uint32_t>(message->size());
  LocalRecord record;
  record.kind = LocalKind::kEnd;
  record.header = EncodeFrameHeader(header);
  queue_.push_back({OutgoingRecord(record, *message, message), std::nullopt});
}

void LocalExchange::Drop() {
  const size_t kept =
      !queue_.empty() && queue_.front().record.has_begun() ? 1 : 0;
  while (queue_.size() > kept) {
    Remove(queue_.back());
    queue_.pop_back();
  }
  for (const Held& held : held_) backlog()->Remove(held.entry);
  held_.clear();
  announced_.clear();
}

void LocalExchange::DropAll() {
  for (const Waiting& waiting : queue_) Remove(waiting);
  queue_.clear();
}

void LocalExchange::Remove(const Waiting& waiting) {
  if (waiting.entry.has_value()) backlog()->Remove(*waiting.entry);
}

}  // namespace hawser
