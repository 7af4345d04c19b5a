#include "scheduler/etcd/etcd_office.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "scheduler/etcd/grpc_etcd_client.h"

namespace hawser {
namespace {

constexpr absl::Duration kShortestLease = absl::Seconds(2);
constexpr absl::Duration kLongestLease = absl::Minutes(1);
constexpr size_t kMaxPasswordBytes = 4096;

absl::Status Check(const EtcdOffice::Options& options) {
  if (options.lease < kShortestLease || options.lease > kLongestLease) {
    return absl::InvalidArgumentError(
        "--leader-lease-seconds must be 2 to 60: shorter ones are lost by a "
        "slow disk of etcd's, longer ones leave the cluster without a leader");
  }
  if (options.prefix.empty() || absl::EndsWith(options.prefix, "/")) {
    return absl::InvalidArgumentError(
        "--etcd-prefix must be a name such as /hawser, without a / at the end");
  }
  if (options.user.empty() != options.password_file.empty()) {
    return absl::InvalidArgumentError(
        "--etcd-user and --etcd-password-file go together");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<EtcdOffice>> EtcdOffice::Open(
    const Options& options, Threads* threads) {
  RETURN_IF_ERROR(Check(options));
  EtcdOptions etcd;
  etcd.endpoints = absl::StrSplit(options.endpoints, ',');
  etcd.tls_directory = options.tls_directory;
  etcd.user = options.user;
  if (!options.password_file.empty()) {
    ASSIGN_OR_RETURN(etcd.password,
                     ReadWholeFile(options.password_file, kMaxPasswordBytes));
    absl::StripTrailingAsciiWhitespace(&etcd.password);
  }
  // So that another endpoint is asked, too, before a lease is over.
  etcd.deadline = options.lease / 4;
  ASSIGN_OR_RETURN(auto client, MakeGrpcEtcdClient(etcd));
  return absl::WrapUnique(new EtcdOffice(options, std::move(client), threads));
}

EtcdOffice::EtcdOffice(const Options& options, std::unique_ptr<EtcdClient> etcd,
                       Threads* threads)
    : threads_(threads),
      etcd_(std::move(etcd)),
      election_({options.prefix + "/leader", options.lease}, etcd_.get(),
                &clock_, threads),
      journal_(etcd_.get(), options.prefix, &election_, threads) {}

void EtcdOffice::Begin(const LeaderAddress& address, Standby::Office office) {
  election_.Start(address);
  standby_ = std::make_unique<Standby>(&election_, std::move(office), threads_);
}

void EtcdOffice::Stop() {
  if (standby_ != nullptr) standby_->Stop();
}

absl::Status EtcdOffice::failure() const {
  return standby_ == nullptr ? absl::OkStatus() : standby_->failure();
}

}  // namespace hawser
