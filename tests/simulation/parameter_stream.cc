#include "tests/simulation/parameter_stream.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/frame_io.h"

namespace hawser::simulation {
namespace {

constexpr absl::Duration kProgressDeadline = absl::Seconds(5);
// Until a worker notices that its server has fallen silent.
constexpr absl::Duration kKeepalive = absl::Seconds(15);

struct PushedFrame {
  FrameHeader header;
  std::string payload;
  absl::Time arrival;
};
struct ReplyFrame {
  OutgoingFrame frame;
  absl::Time arrival;
};

// Both ends of one stream.
class Stream : public ReplySink,
               public Connection,
               public std::enable_shared_from_this<Stream> {
 public:
  Stream(Network* network, Invariants* invariants, Process* worker,
         const Directory::Server* server)
      : network_(network),
        invariants_(invariants),
        worker_(worker),
        server_(server),
        server_life_(server->process->life()) {}

  void Open() {
    network_->Join(shared_from_this());
    if (!server_->process->up()) TellWorker();
  }

  // --- The worker's end ---
  absl::Status Send(const FrameHeader& header, absl::Span<const char> payload);
  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)> use);
  void Cancel() {
    cancelled_ = true;
    TellServer();
  }

  // --- The server's end ---
  void Send(OutgoingFrame frame) override;

  // --- Connection ---
  void Crashed(const Process& process) override;
  void Cut() override;

 private:
  Timeline* timeline() const { return network_->world().timeline; }
  bool Reaches() const {
    return network_->Reaches(*worker_, *server_->process);
  }
  absl::Time Arrival(const Process& from, const Process& to, FrameKind kind,
                     uint64_t payload_bytes, absl::Time time);
  void Queue(const FrameHeader& header, absl::Span<const char> payload);
  void ScheduleArrival();
  void ArriveAtServer();
  void Hand(PushedFrame frame);
  void ScheduleReply();
  void ArriveAtWorker();
  void Break();
  void TellWorker();
  void TellServer();

  Network* const network_;
  Invariants* const invariants_;
  Process* const worker_;
  const Directory::Server* const server_;
  const uint64_t server_life_;

  // As the worker knows it.
  bool cancelled_ = false;
  bool lost_ = false;
  std::deque<ReplyFrame> inbox_;  // arrived
  // As the server knows it.
  bool closed_ = false;
  bool is_replicas_ = false;  // the worker's end is a server

  std::deque<PushedFrame> up_;
  std::optional<PushedFrame> repeat_later_;
  absl::Time last_up_ = absl::InfinitePast();
  bool arrival_scheduled_ = false;
  std::optional<PushedFrame> in_hand_;  // until done()
  absl::Span<const char> piece_;
  bool handing_ = false;

  std::deque<ReplyFrame> down_;
  absl::Time last_down_ = absl::InfinitePast();
  bool reply_scheduled_ = false;
};

absl::Status Stream::Send(const FrameHeader& header,
                          absl::Span<const char> payload) {
  if (cancelled_) return absl::CancelledError("cancelled");
  if (lost_) return absl::UnavailableError("the stream has ended");
  SeededRandom* random = network_->random();
  Queue(header, payload);
  if (repeat_later_.has_value() && random->Chance(0.3)) {
    Queue(repeat_later_->header, repeat_later_->payload);
    repeat_later_.reset();
  }
  const bool is_push =
      header.kind == FrameKind::kPush || header.kind == FrameKind::kPushRun;
  if (is_push && random->Chance(network_->conditions().repeated)) {
    repeat_later_ =
        PushedFrame{header, {payload.begin(), payload.end()}, absl::Time()};
    repeat_later_->header.flags = 0;  // nobody waits for a second ack
  }
  ScheduleArrival();
  if (random->Chance(network_->conditions().broken)) Break();
  return absl::OkStatus();
}

absl::Time Stream::Arrival(const Process& from, const Process& to,
                           FrameKind kind, uint64_t payload_bytes,
                           absl::Time time) {
  if (kind == FrameKind::kBlockState) {
    time += network_->random()->Between(
        absl::ZeroDuration(), network_->conditions().most_block_delay);
  }
  const bool is_parameters = kind == FrameKind::kPush ||
                             kind == FrameKind::kPushRun ||
                             kind == FrameKind::kBlock;
  return network_->Arrival(from, to, kFrameHeaderBytes + payload_bytes,
                           is_parameters ? payload_bytes : 0, time);
}

void Stream::Queue(const FrameHeader& header, absl::Span<const char> payload) {
  last_up_ =
      std::max(last_up_, Arrival(*worker_, *server_->process, header.kind,
                                 payload.size(), timeline()->now()));
  up_.push_back({header, {payload.begin(), payload.end()}, last_up_});
}

void Stream::ScheduleArrival() {
  if (arrival_scheduled_ || up_.empty() || closed_) return;
  arrival_scheduled_ = true;
  server_->process->Post(up_.front().arrival, [self = shared_from_this()] {
    self->ArriveAtServer();
  });
}

void Stream::ArriveAtServer() {
  arrival_scheduled_ = false;
  if (closed_ || server_->process->life() != server_life_) return;
  if (!Reaches()) {
    arrival_scheduled_ = true;
    network_->WhenHealed(worker_, server_->process,
                         [self = shared_from_this()] {
                           self->arrival_scheduled_ = false;
                           self->ScheduleArrival();
                         });
    return;
  }
  handing_ = true;
  while (!in_hand_.has_value() && !up_.empty() &&
         up_.front().arrival <= timeline()->now()) {
    PushedFrame frame = std::move(up_.front());
    up_.pop_front();
    Hand(std::move(frame));
  }
  handing_ = false;
  if (!in_hand_.has_value()) ScheduleArrival();
  invariants_->Serves(*server_->process, *server_->driver);
}

void Stream::Hand(PushedFrame frame) {
  in_hand_ = std::move(frame);
  const FrameHeader& header = in_hand_->header;
  network_->world().log->Note(server_->process->name(),
                              header.kind == FrameKind::kPush ? "push" : "pull",
                              {{"from", header.node},
                               {"incarnation", header.incarnation},
                               {"step", header.clock},
                               {"block", header.block},
                               {"level", header.tree_node.level},
                               {"index", header.tree_node.index},
                               {"crc", header.payload_crc32c}});
  is_replicas_ |= header.kind == FrameKind::kReplicaRun;
  piece_ = in_hand_->payload;
  const auto done = [self = shared_from_this()] {
    self->in_hand_.reset();
    if (!self->handing_) self->ScheduleArrival();
  };
  const auto shard = server_->driver->Find(header.job);
  if (shard == nullptr) {
    Send(ErrorFrame(header,
                    absl::NotFoundError(absl::StrCat("no job ", header.job))));
    done();
    return;
  }
  shard->Handle({header, {&piece_, 1}, shared_from_this(), done});
}

void Stream::Send(OutgoingFrame frame) {
  const auto header = DecodeFrameHeader(frame.header);
  // Counted is counted, whoever hears of it; but not by a replica alone.
  if (header.ok() && header->kind == FrameKind::kAck && !is_replicas_) {
    invariants_->Acknowledged(*header);
  }
  if (closed_ || !server_->process->up() ||
      server_->process->life() != server_life_) {
    return;
  }
  last_down_ = std::max(
      last_down_, Arrival(*server_->process, *worker_,
                          header.ok() ? header->kind : FrameKind::kError,
                          frame.payload.size(), server_->process->FreeAt()));
  down_.push_back({std::move(frame), last_down_});
  ScheduleReply();
}

void Stream::ScheduleReply() {
  if (reply_scheduled_ || down_.empty()) return;
  reply_scheduled_ = true;
  worker_->Post(down_.front().arrival,
                [self = shared_from_this()] { self->ArriveAtWorker(); });
}

void Stream::ArriveAtWorker() {
  reply_scheduled_ = false;
  if (lost_ || cancelled_) return;
  if (!Reaches()) {
    reply_scheduled_ = true;
    network_->WhenHealed(worker_, server_->process,
                         [self = shared_from_this()] {
                           self->reply_scheduled_ = false;
                           self->ScheduleReply();
                         });
    return;
  }
  while (!down_.empty() && down_.front().arrival <= timeline()->now()) {
    inbox_.push_back(std::move(down_.front()));
    down_.pop_front();
  }
  ScheduleReply();
}

absl::Status Stream::Receive(
    absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)> use) {
  worker_->WaitFor([this] { return cancelled_ || lost_ || !inbox_.empty(); },
                   absl::InfiniteDuration());
  if (cancelled_ || !worker_->up()) return absl::CancelledError("cancelled");
  if (inbox_.empty()) return absl::UnavailableError("the stream has ended");
  const ReplyFrame reply = std::move(inbox_.front());
  inbox_.pop_front();
  const auto header = DecodeFrameHeader(reply.frame.header);
  if (!header.ok()) return header.status();
  const PayloadPieces pieces = {&reply.frame.payload, 1};
  const absl::Status status = CheckPayload(*header, pieces);
  if (!status.ok()) {
    invariants_->Fail(
        absl::StrCat("a reply has changed on its way: ", status.ToString()));
    return status;
  }
  network_->world().log->Note(
      worker_->name(), header->kind == FrameKind::kBlock ? "block" : "refusal",
      {{"step", header->clock},
       {"block", header->block},
       {"crc", header->payload_crc32c}});
  if (header->kind == FrameKind::kBlock) invariants_->Answered(*header);
  return use(*header, pieces);
}

void Stream::Crashed(const Process& process) {
  if (&process != worker_ && &process != server_->process) return;
  Break();
}

void Stream::Break() {
  network_->world().log->Note(worker_->name(), "loses a stream",
                              {{"to", server_->process->number()}});
  up_.clear();
  down_.clear();
  repeat_later_.reset();
  TellWorker();
  TellServer();
}

void Stream::Cut() {
  if (Reaches()) return;
  timeline()->After(kKeepalive, [self = shared_from_this()] {
    if (self->Reaches()) return;
    self->worker_->Post(self->timeline()->now(),
                        [self] { self->lost_ = true; });
    self->TellServer();  // once it is healed
  });
}

void Stream::TellWorker() {
  network_->Carry(
      server_->process, worker_,
      [self = shared_from_this()] {
        self->worker_->Post(self->timeline()->now(),
                            [self] { self->lost_ = true; });
      },
      Network::AtCut::kWaits);
}

void Stream::TellServer() {
  network_->Carry(
      worker_, server_->process,
      [self = shared_from_this()] { self->closed_ = true; },
      Network::AtCut::kWaits);
}

class Channel : public ParameterChannel {
 public:
  Channel(Network* network, const Directory::Server* server,
          Invariants* invariants, Process* worker)
      : network_(network),
        server_(server),
        invariants_(invariants),
        worker_(worker) {}
  ~Channel() override { Cancel(); }

  absl::StatusOr<uint64_t> GetProgress(uint64_t job,
                                       uint64_t incarnation) override {
    const auto step = std::make_shared<uint64_t>(0);
    const absl::Status status = network_->Call(
        worker_, server_->process, "GetProgress", kProgressDeadline,
        /*may_repeat=*/true, Network::Loss::kResetOrDeadline,
        [server = server_, job, incarnation,
         step](std::shared_ptr<Network::Answer> answer) {
          const auto progress = server->driver->Progress(job, incarnation);
          Network::Answer::Send(std::move(answer), progress.status(),
                                [step, progress] { *step = *progress; });
        });
    if (!status.ok()) return status;
    return *step;
  }

  absl::Status Send(const FrameHeader& header,
                    absl::Span<const char> payload) override {
    if (cancelled_) return absl::CancelledError("cancelled");
    return Open()->Send(header, payload);
  }

  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)> use)
      override {
    if (cancelled_) return absl::CancelledError("cancelled");
    return Open()->Receive(use);
  }

  void Cancel() override {
    if (std::exchange(cancelled_, true)) return;
    if (stream_ != nullptr) stream_->Cancel();
  }

 private:
  Stream* Open() {
    if (stream_ == nullptr) {
      stream_ =
          std::make_shared<Stream>(network_, invariants_, worker_, server_);
      stream_->Open();
    }
    return stream_.get();
  }

  Network* const network_;
  const Directory::Server* const server_;
  Invariants* const invariants_;
  Process* const worker_;
  bool cancelled_ = false;
  std::shared_ptr<Stream> stream_;
};

}  // namespace

std::unique_ptr<ParameterChannel> MakeParameterChannel(
    Network* network, const Directory* directory, Invariants* invariants,
    Process* worker, const std::string& address) {
  return std::make_unique<Channel>(network, &directory->servers.at(address),
                                   invariants, worker);
}

}  // namespace hawser::simulation
