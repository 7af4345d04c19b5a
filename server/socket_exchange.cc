#include "server/socket_exchange.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <utility>

#include "absl/time/clock.h"
#include "common/poll_timeout.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

// For a peer that does not read, to be told why its stream ends.
constexpr absl::Duration kLongestGoodbye = absl::Seconds(2);

}  // namespace

// A frame that is being worked on, and what its payload lies in.
struct SocketExchange::InHand {
  InHand(std::shared_ptr<SocketExchange> stream,
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

  const std::shared_ptr<SocketExchange> exchange;
  std::shared_ptr<const void> keeps;
  const absl::Span<const char> payload;
};

SocketExchange::SocketExchange(FileDescriptor socket, FileDescriptor wake,
                               Intake* intake)
    : socket_(std::move(socket)),
      wake_(std::move(wake)),
      intake_(intake),
      backlog_(intake) {}

SocketExchange::~SocketExchange() = default;

// --- The reader's thread ----------------------------------------------------

void SocketExchange::Run() {
  absl::Status status = intake_->Admit();
  const bool admitted = status.ok();
  if (admitted) {
    handler_ = intake_->NewHandler();
    status = Serve();
    if (!absl::IsUnavailable(status)) Count(status);
  }
  // The peer sees the end of the stream when nothing of it is read any more.
  AwaitInHand(0);
  StopReading();
  OnStrand([this, status] { Close(status); });
  AwaitLastSent();
  OnStrand([this] {
    gone_ = true;
    DropAll();
    socket_ = FileDescriptor();
  });
  if (admitted) intake_->Leave();
}

void SocketExchange::Stop() {
  stopping_.store(true);
  eventfd_write(wake_.get(), 1);
}

absl::Status SocketExchange::Serve() {
  while (!stopping_.load() && !ending_.load()) {
    ASSIGN_OR_RETURN(const bool taken, TakeNext());
    if (!taken) {
      RETURN_IF_ERROR(AwaitSocket(POLLIN));
    } else if (write_waits_.load()) {
      SendOn();  // whatever else comes, replies leave
    }
  }
  return absl::UnavailableError("the server ends the stream");
}

void SocketExchange::AwaitLastSent() {
  SetLimit(absl::Now() + kLongestGoodbye);
  while (write_waits_.load() && !stopping_.load()) {
    if (!AwaitSocket(0).ok()) return;
  }
}

absl::Status SocketExchange::AwaitSocket(int16_t events) {
  pollfd waits[2] = {{socket_.get(), events, 0}, {wake_.get(), POLLIN, 0}};
  if (write_waits_.load()) waits[0].events |= POLLOUT;
  const int timeout_ms = PollTimeout(limit_);
  if (timeout_ms == 0) return absl::UnavailableError("the peer says nothing");
  poll(waits, 2, timeout_ms);
  if ((waits[1].revents & POLLIN) != 0) {
    eventfd_t ignored;
    eventfd_read(wake_.get(), &ignored);
  }
  if ((waits[0].revents & POLLOUT) != 0) SendOn();
  if (events == 0 && (waits[0].revents & (POLLERR | POLLHUP)) != 0) {
    return absl::UnavailableError("the peer has gone");
  }
  return absl::OkStatus();
}

void SocketExchange::SendOn() {
  write_waits_.store(false);
  OnStrand([this] { Flush(); });
}

void SocketExchange::AwaitInHand(int most) {
  for (int now = in_hand_.load(); now > most; now = in_hand_.load()) {
    in_hand_.wait(now);
  }
}

void SocketExchange::Hand(const FrameHeader& header,
                          absl::Span<const char> payload,
                          std::shared_ptr<const void> keeps) {
  auto frame =
      std::make_shared<InHand>(shared_from_this(), std::move(keeps), payload);
  const PayloadPieces pieces(&frame->payload, payload.empty() ? 0 : 1);
  handler_->Handle({header, pieces, frame->exchange,
                    [frame = std::move(frame)]() mutable { frame.reset(); }});
}

// --- The strand -------------------------------------------------------------

void SocketExchange::Send(OutgoingFrame frame) {
  OnStrand(
      [this, frame = std::move(frame)]() mutable { Add(std::move(frame)); });
}

void SocketExchange::OnStrand(absl::AnyInvocable<void()> task) {
  // Not the task's: it would go before the strand is done with it.
  const auto self = shared_from_this();
  strand_.Run([self, task = std::move(task)]() mutable { task(); });
}

void SocketExchange::Add(OutgoingFrame frame) {
  if (closed_) return;
  Backlog::Entry entry;
  const absl::Status status = backlog_.Add(frame, &entry);
  if (!status.ok()) {
    Close(status);
    return;
  }
  Queue(std::move(frame), entry);
  if (!write_waits_.load()) Flush();
}

void SocketExchange::Flush() {
  if (gone_) return;
  const auto all = SendQueued();
  if (!all.ok()) {
    gone_ = true;
    Close(all.status());
  } else if (!*all) {
    write_waits_.store(true);
    eventfd_write(wake_.get(), 1);
  }
}

void SocketExchange::Close(const absl::Status& why) {
  if (std::exchange(closed_, true)) return;
  Drop();
  if (!gone_ && !absl::IsUnavailable(why)) {
    QueueEnd(why);
    if (!write_waits_.load()) Flush();
  }
  ending_.store(true);
  eventfd_write(wake_.get(), 1);
}

}  // namespace hawser
