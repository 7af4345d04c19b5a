#include "tests/simulation/network.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace hawser::simulation {
namespace {

// A call as its caller sees it.
struct Call {
  bool answered = false;
  absl::Status status;
};

}  // namespace

// --- Messages --------------------------------------------------------------

absl::Duration Network::Delay() {
  return random_.Between(conditions_.least_delay,
                         random_.Chance(conditions_.late)
                             ? conditions_.most_late_delay
                             : conditions_.most_delay);
}

absl::Time Network::Arrival(const Process& from, const Process& to,
                            uint64_t bytes, uint64_t parameter_bytes,
                            absl::Time time) {
  return links_.Transfer(from.number(), to.number(), bytes, parameter_bytes,
                         time) +
         Delay();
}

void Network::Carry(Process* from, Process* to, Timeline::Task arrive,
                    AtCut at_cut) {
  if (closed_) return;
  const absl::Time free_at = from->FreeAt();
  if (free_at <= world_.timeline->now()) {
    Depart(from, to, std::move(arrive), at_cut);
    return;
  }
  world_.timeline->At(free_at, [this, from, to, life = from->life(), at_cut,
                                arrive = std::move(arrive)]() mutable {
    if (from->up() && from->life() == life) {
      Depart(from, to, std::move(arrive), at_cut);
    }
  });
}

void Network::Depart(Process* from, Process* to, Timeline::Task arrive,
                     AtCut at_cut) {
  world_.timeline->After(
      Delay(), [this, from, to, at_cut, arrive = std::move(arrive)]() mutable {
        Arrive(from, to, std::move(arrive), at_cut);
      });
}

void Network::Arrive(Process* from, Process* to, Timeline::Task arrive,
                     AtCut at_cut) {
  if (Reaches(*from, *to)) {
    arrive();
  } else if (at_cut == AtCut::kWaits || random_.Chance(0.5)) {
    held_.push_back({from, to, std::move(arrive)});
  }
}

// --- Calls -------------------------------------------------------------------

Network::Answer::Answer(Network* network, Process* server, Process* caller,
                        AtCut at_cut, Finish finish)
    : network_(network),
      server_(server),
      life_(server->life()),
      caller_(caller),
      at_cut_(at_cut),
      finish_(std::move(finish)) {}

Network::Answer::~Answer() {
  if (finish_ == nullptr) return;
  network_->Carry(
      server_, caller_,
      [finish = std::move(finish_)] {
        finish(absl::UnavailableError("the connection was reset"), nullptr);
      },
      at_cut_);
}

void Network::Answer::Send(std::shared_ptr<Answer> answer, absl::Status status,
                           std::function<void()> take) {
  if (!answer->server_->up() || answer->server_->life() != answer->life_) {
    return;  // a dead process says nothing
  }
  Network* const network = answer->network_;
  Process* const server = answer->server_;
  Process* const caller = answer->caller_;
  const AtCut at_cut = answer->at_cut_;
  network->Carry(
      server, caller,
      [answer = std::move(answer), status = std::move(status),
       take = std::move(take)] {
        if (answer->finish_ == nullptr) return;
        std::exchange(answer->finish_, nullptr)(status, take);
      },
      at_cut);
}

Network::Fate Network::Draw(Loss loss) {
  if (!random_.Chance(conditions_.lost)) return Fate::kArrives;
  switch (random_.Below(loss == Loss::kReset ? 2 : 3)) {
    case 0:
      return Fate::kRequestLost;
    case 1:
      return Fate::kAnswerLost;
    default:
      return Fate::kSilence;
  }
}

absl::Status Network::Call(Process* from, Process* to, absl::string_view name,
                           absl::Duration deadline, bool may_repeat, Loss loss,
                           const Serve& serve) {
  if (!from->up()) return absl::UnavailableError("this process is down");
  const auto call = std::make_shared<simulation::Call>();
  const auto finish =
      [call, from, life = from->life(), timeline = world_.timeline](
          const absl::Status& status, const std::function<void()>& take) {
        if (from->life() != life) return;
        from->Post(timeline->now(), [call, status, take] {
          if (std::exchange(call->answered, true)) return;
          call->status = status;
          if (status.ok()) take();
        });
      };
  const auto reset = [finish] {
    finish(absl::UnavailableError("the connection was reset"), nullptr);
  };
  const Fate fate = Draw(loss);
  const AtCut at_cut = loss == Loss::kReset ? AtCut::kWaits : AtCut::kMayBeLost;
  const std::string what(name);
  const auto arrive = [=, this] {
    if (!to->up()) {
      Carry(
          to, from,
          [finish] {
            finish(absl::UnavailableError("the connection was refused"),
                   nullptr);
          },
          at_cut);
      return;
    }
    to->Post(world_.timeline->now(), [=, this] {
      world_.log->Note(to->name(), what, {{"from", from->number()}});
      to->CountMessage();
      const bool heard = fate == Fate::kArrives;
      const auto answer = std::make_shared<Answer>(
          this, to, from, at_cut, heard ? Answer::Finish(finish) : nullptr);
      serve(answer);
    });
  };
  if (fate != Fate::kRequestLost) Carry(from, to, arrive, at_cut);
  if (may_repeat && random_.Chance(conditions_.repeated)) {
    Carry(from, to, arrive, at_cut);
  }
  if (fate == Fate::kRequestLost || fate == Fate::kAnswerLost) {
    Carry(
        from, to, [=, this] { Carry(to, from, reset, at_cut); }, at_cut);
  }
  const auto answered = [&] { return call->answered; };
  if (from->WaitFor(answered, deadline)) return call->status;
  world_.log->Note(from->name(), absl::StrCat(what, " is not answered"));
  call->answered = true;  // what comes later is too late
  return absl::UnavailableError(absl::StrCat(what, ": deadline exceeded"));
}

void Network::Notify(Process* from, Process* to,
                     const std::function<void()>& serve) {
  const auto arrive = [this, to, serve] {
    to->Post(world_.timeline->now(), serve);
  };
  if (!random_.Chance(conditions_.lost)) Carry(from, to, arrive);
  if (random_.Chance(conditions_.repeated)) Carry(from, to, arrive);
}

// --- Cuts and crashes --------------------------------------------------------

bool Network::CutSets::Parts(uint32_t a, uint32_t b) const {
  return (some.count(a) != 0 && others.count(b) != 0) ||
         (some.count(b) != 0 && others.count(a) != 0);
}

bool Network::Reaches(const Process& a, const Process& b) const {
  for (const auto& [number, cut] : cuts_) {
    if (cut.Parts(a.number(), b.number())) return false;
  }
  return true;
}

void Network::Cut(uint64_t cut, std::set<uint32_t> some,
                  std::set<uint32_t> others) {
  cuts_[cut] = {std::move(some), std::move(others)};
  for (const auto& connection : Live()) connection->Cut();
}

void Network::Heal(uint64_t cut) {
  cuts_.erase(cut);
  std::vector<Held> held;
  held.swap(held_);
  for (Held& message : held) {
    if (Reaches(*message.from, *message.to)) {
      Depart(message.from, message.to, std::move(message.task), AtCut::kWaits);
    } else {
      held_.push_back(std::move(message));
    }
  }
}

void Network::WhenHealed(Process* a, Process* b, Timeline::Task task) {
  held_.push_back({a, b, std::move(task)});
}

std::vector<std::shared_ptr<Connection>> Network::Live() {
  std::vector<std::shared_ptr<Connection>> live;
  std::erase_if(connections_, [&](const auto& weak) {
    auto connection = weak.lock();
    if (connection == nullptr) return true;
    live.push_back(std::move(connection));
    return false;
  });
  return live;
}

void Network::Join(const std::shared_ptr<Connection>& connection) {
  connections_.push_back(connection);
  // Those that are gone take no room for long.
  if (connections_.size() < tidy_at_) return;
  Live();
  tidy_at_ = 64 + 2 * connections_.size();
}

void Network::Crash(Process* process) {
  const auto live = Live();
  process->Crash();
  for (const auto& connection : live) connection->Crashed(*process);
}

void Network::Break(const Process& process) {
  for (const auto& connection : Live()) connection->Crashed(process);
}

}  // namespace hawser::simulation
