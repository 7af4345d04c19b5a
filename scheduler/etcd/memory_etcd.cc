#include "scheduler/etcd/memory_etcd.h"

#include "glog/logging.h"

namespace hawser {

using etcdserverpb::Compare;
using etcdserverpb::KeyValue;
using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;
using etcdserverpb::RequestOp;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;

void MemoryEtcd::DeleteKeysOf(int64_t lease) {
  ++revision_;
  std::erase_if(
      keys_, [&](const auto& entry) { return entry.second.lease() == lease; });
}

void MemoryEtcd::Expire() {
  const absl::Time now = clock_->Now();
  for (auto it = leases_.begin(); it != leases_.end();) {
    if (it->second.over > now) {
      ++it;
      continue;
    }
    DeleteKeysOf(it->first);
    it = leases_.erase(it);
  }
}

RangeResponse MemoryEtcd::Find(const RangeRequest& request) const {
  RangeResponse response;
  auto it = keys_.lower_bound(request.key());
  for (; it != keys_.end(); ++it) {
    const bool inside = request.range_end().empty()
                            ? it->first == request.key()
                            : it->first < request.range_end();
    if (!inside) break;
    if (request.limit() != 0 && response.kvs_size() == request.limit()) {
      response.set_more(true);
      break;
    }
    *response.add_kvs() = it->second;
  }
  response.set_count(response.kvs_size());
  return response;
}

bool MemoryEtcd::Holds(const Compare& compare) const {
  CHECK_EQ(compare.result(), Compare::EQUAL);
  const auto found = keys_.find(compare.key());
  const bool is_there = found != keys_.end();
  const KeyValue pair = is_there ? found->second : KeyValue();
  switch (compare.target()) {
    case Compare::CREATE:
      return pair.create_revision() == compare.create_revision();
    case Compare::VALUE:
      return is_there && pair.value() == compare.value();
    default:
      LOG(FATAL) << "not known here: " << compare.ShortDebugString();
  }
}

void MemoryEtcd::Set(const etcdserverpb::PutRequest& put) {
  KeyValue& pair = keys_[put.key()];
  if (pair.create_revision() == 0) pair.set_create_revision(revision_);
  pair.set_key(put.key());
  pair.set_value(put.value());
  pair.set_lease(put.lease());
  pair.set_mod_revision(revision_);
  pair.set_version(pair.version() + 1);
}

int64_t MemoryEtcd::Erase(const std::string& key,
                          const std::string& range_end) {
  if (range_end.empty()) return static_cast<int64_t>(keys_.erase(key));
  return static_cast<int64_t>(std::erase_if(keys_, [&](const auto& entry) {
    return entry.first >= key && entry.first < range_end;
  }));
}

absl::StatusOr<RangeResponse> MemoryEtcd::Range(const RangeRequest& request) {
  absl::MutexLock lock(&mutex_);
  Expire();
  return Find(request);
}

absl::StatusOr<TxnResponse> MemoryEtcd::Txn(const TxnRequest& request) {
  absl::MutexLock lock(&mutex_);
  Expire();
  TxnResponse response;
  response.set_succeeded(true);
  for (const Compare& compare : request.compare()) {
    if (!Holds(compare)) response.set_succeeded(false);
  }
  const auto& operations =
      response.succeeded() ? request.success() : request.failure();
  for (const RequestOp& operation : operations) {
    if (operation.request_put().lease() != 0 &&
        leases_.count(operation.request_put().lease()) == 0) {
      return absl::NotFoundError("etcdserver: requested lease not found");
    }
  }
  ++revision_;
  for (const RequestOp& operation : operations) {
    auto* done = response.add_responses();
    if (operation.has_request_put()) {
      Set(operation.request_put());
      done->mutable_response_put();
    } else if (operation.has_request_delete_range()) {
      const auto& range = operation.request_delete_range();
      done->mutable_response_delete_range()->set_deleted(
          Erase(range.key(), range.range_end()));
    } else {
      *done->mutable_response_range() = Find(operation.request_range());
    }
  }
  return response;
}

absl::StatusOr<EtcdClient::Lease> MemoryEtcd::Grant(
    absl::Duration time_to_live) {
  absl::MutexLock lock(&mutex_);
  Expire();
  const int64_t id = next_lease_++;
  leases_[id] = {time_to_live, clock_->Now() + time_to_live};
  return Lease{id, time_to_live};
}

absl::StatusOr<EtcdClient::Lease> MemoryEtcd::KeepAlive(int64_t lease) {
  absl::MutexLock lock(&mutex_);
  Expire();
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return Lease{lease, absl::ZeroDuration()};
  found->second.over = clock_->Now() + found->second.time_to_live;
  return Lease{lease, found->second.time_to_live};
}

absl::Status MemoryEtcd::Revoke(int64_t lease) {
  absl::MutexLock lock(&mutex_);
  Expire();
  if (leases_.erase(lease) == 0) {
    return absl::NotFoundError("etcdserver: requested lease not found");
  }
  DeleteKeysOf(lease);
  return absl::OkStatus();
}

void MemoryEtcd::Put(const std::string& key, const std::string& value) {
  etcdserverpb::PutRequest put;
  put.set_key(key);
  put.set_value(value);
  absl::MutexLock lock(&mutex_);
  ++revision_;
  Set(put);
}

void MemoryEtcd::Delete(const std::string& key) {
  absl::MutexLock lock(&mutex_);
  ++revision_;
  keys_.erase(key);
}

std::string MemoryEtcd::Value(const std::string& key) {
  absl::MutexLock lock(&mutex_);
  Expire();
  const auto found = keys_.find(key);
  return found == keys_.end() ? "" : found->second.value();
}

size_t MemoryEtcd::size() {
  absl::MutexLock lock(&mutex_);
  Expire();
  return keys_.size();
}

}  // namespace hawser
