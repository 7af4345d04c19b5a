#include "server/direct_exchange.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

// Bytes of a payload from whoever has not said who it is.
constexpr size_t kMostUnknown = 4096;

}  // namespace

DirectExchange::DirectExchange(FileDescriptor socket, FileDescriptor wake,
                               Intake* intake, Admit admit,
                               absl::Duration patience)
    : SocketExchange(std::move(socket), std::move(wake), intake),
      admit_(std::move(admit)),
      reader_(std::in_place, &this->socket(),
              [this](size_t bytes) { return Reserve(bytes); }) {
  SetLimit(absl::Now() + patience);
}

// A read that is parked may hold this object for longer than there is an
// intake.
void DirectExchange::StopReading() {
  reader_.reset();
  intake()->ReturnMemory(reserved_);
}

absl::Status DirectExchange::Reserve(size_t bytes) {
  if (!is_open_ && bytes > kMostUnknown) {
    return absl::DataLossError("a stream that does not say who opens it");
  }
  const auto more = static_cast<int64_t>(bytes);
  RETURN_IF_ERROR(intake()->TakeMemory(more));
  reserved_ += more;
  return absl::OkStatus();
}

absl::StatusOr<bool> DirectExchange::TakeNext() {
  // Its payload lies where the next one will.
  AwaitInHand(0);
  ASSIGN_OR_RETURN(const bool there, reader_->Next());
  if (!there) return false;
  const FrameKind kind = reader_->header().kind;
  if (!is_open_) {
    RETURN_IF_ERROR(Open());
  } else if (kind == FrameKind::kOpen || kind == FrameKind::kEnd) {
    return absl::DataLossError("a stream that opens twice, or ends by itself");
  } else {
    Hand(reader_->header(), reader_->payload(), nullptr);
  }
  return true;
}

absl::Status DirectExchange::Open() {
  if (reader_->header().kind != FrameKind::kOpen) {
    return absl::DataLossError("a stream that does not say who opens it");
  }
  const absl::Span<const char> payload = reader_->payload();
  RETURN_IF_ERROR(admit_(absl::string_view(payload.data(), payload.size())));
  is_open_ = true;
  SetLimit(absl::InfiniteFuture());
  OutgoingFrame answer;
  answer.header = EncodeFrameHeader(OpenFrame(""));
  Send(std::move(answer));
  return absl::OkStatus();
}

void DirectExchange::Queue(OutgoingFrame frame, const Backlog::Entry& entry) {
  queue_.Add(frame.urgency, {OutgoingDirectFrame(frame.header, frame.payload,
                                                 std::move(frame.owner)),
                             entry});
}

absl::StatusOr<bool> DirectExchange::SendQueued() {
  while (leaving_.has_value() || !queue_.empty()) {
    if (!leaving_.has_value()) leaving_.emplace(queue_.Next());
    ASSIGN_OR_RETURN(const bool sent, leaving_->frame.SendSome(socket()));
    if (!sent) return false;
    Remove(*leaving_);
    leaving_.reset();
  }
  return true;
}

void DirectExchange::QueueEnd(const absl::Status& why) {
  const auto message = std::make_shared<const std::string>(why.message());
  queue_.Add(0, {OutgoingDirectFrame(EncodeFrameHeader(EndFrame(why)), *message,
                                     message),
                 std::nullopt});
}

void DirectExchange::Drop() {
  if (leaving_.has_value() && !leaving_->frame.has_begun()) {
    Remove(*leaving_);
    leaving_.reset();
  }
  while (!queue_.empty()) Remove(queue_.Next());
}

void DirectExchange::DropAll() {
  Drop();
  if (leaving_.has_value()) Remove(*leaving_);
  leaving_.reset();
}

void DirectExchange::Remove(const Waiting& waiting) {
  if (waiting.entry.has_value()) backlog()->Remove(*waiting.entry);
}

void DirectExchange::Count(const absl::Status& why) {
  const bool is_refused = absl::IsUnauthenticated(why) ||
                          absl::IsPermissionDenied(why) ||
                          absl::IsResourceExhausted(why);
  is_refused ? intake()->CountRefused(why) : intake()->CountDamaged(why);
}

}  // namespace hawser
