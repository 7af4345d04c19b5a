#include "scheduler/etcd/standby.h"

#include <utility>

#include "glog/logging.h"

namespace hawser {

Standby::Standby(Election* election, Office office, Threads* threads)
    : election_(election),
      office_(std::move(office)),
      thread_(threads->Start([this] { Run(); })) {}

Standby::~Standby() { Stop(); }

void Standby::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  election_->Close();
  thread_->Join();
  election_->Stop();
}

absl::Status Standby::failure() const {
  absl::MutexLock lock(&mutex_);
  return failure_;
}

void Standby::Run() {
  while (election_->AwaitOffice()) {
    const absl::Status status = office_.enter();
    if (status.ok()) {
      election_->AwaitLoss();
    } else if (absl::IsUnavailable(status)) {
      LOG(WARNING) << "cannot lead: " << status.message();
    } else {
      {
        absl::MutexLock lock(&mutex_);
        failure_ = status;
      }
      office_.on_failure();
      return;
    }
    office_.leave();
    election_->Resign();
  }
}

}  // namespace hawser
