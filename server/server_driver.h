// The server's driver: the parameter shards of the jobs it serves, kept in line
// with the scheduler's orders, and what it has to tell the scheduler.
//
// Thread-safe.
#ifndef HAWSER_SERVER_SERVER_DRIVER_H_
#define HAWSER_SERVER_SERVER_DRIVER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "client/data_plane/parameter_channel.h"
#include "common/clock.h"
#include "common/file_calls.h"
#include "common/metrics/metric_families.h"
#include "common/threads.h"
#include "common/trace/trace_recorder.h"
#include "proto/parameter_server.pb.h"
#include "proto/scheduler.pb.h"
#include "server/checkpoint.h"
#include "server/checkpoint_writer.h"
#include "server/parameter_shard.h"

namespace hawser {

class ServerDriver {
 public:
  // Sends one report to the scheduler; must not block.
  using Reporter = std::function<void(ReportRequest)>;

  // To another server, for blocks that come from there, and replicas.
  using MakeChannel = std::function<std::unique_ptr<ParameterChannel>(
      const ServerEndpoint& server)>;

  // norms, clock, threads and trace (may be null) outlive the server.
  // Checkpoints go below output_root; models to start from are below data_root,
  // if there is one. shares_memory: parameters are kept where workers of this
  // host can be given them to read. calls, by which checkpoints are written,
  // outlive it as well. Without make_channel blocks cannot move here, nor have
  // replicas.
  ServerDriver(NormCarrier* norms, std::string output_root, const Clock* clock,
               Threads* threads, std::string data_root = "",
               bool shares_memory = false, TraceRecorder* trace = nullptr,
               FileCalls* calls = MachineFileCalls(),
               MakeChannel make_channel = nullptr);
  ~ServerDriver();

  // Starts to follow orders and to report. Called once.
  void Start(Reporter reporter);

  // The newest orders for node `node` (this server); returns at once, they are
  // carried out on the server's own thread.
  void Follow(uint64_t node, const Orders& orders);

  // The checkpoints that the scheduler orders, all that hold now.
  void FollowCheckpoints(const std::vector<CheckpointOrder>& orders);

  // The shard of a job, or null.
  std::shared_ptr<ParameterShard> Find(uint64_t job) const;

  // Of each job, what has come here so far.
  std::vector<ServerLoad> Loads() const;

  // NOT_FOUND: no such job here. FAILED_PRECONDITION: stale incarnation.
  absl::StatusOr<uint64_t> Progress(uint64_t job, uint64_t incarnation) const;
  absl::Status ReceiveNorms(const ShareNormsRequest& request);

  // What it tells at /metrics, of at most MetricFamilies::kMaxJobs jobs.
  void CollectMetrics(MetricFamilies* families) const;

  // Ends the server's threads. Shards stay readable until destruction.
  void Stop();

 private:
  struct NewOrders {
    uint64_t node = 0;
    Orders orders;
  };

  void RunOrders();
  void RunReports();
  void RunLeases();
  void CarryOut(const NewOrders& orders);
  void Prepare(uint64_t node, const Plan& plan);
  using ArrivalsOf =
      std::vector<ParameterShard::Arrival> (ParameterShard::*)() const;
  bool FetchAll(uint64_t node, const Plan& plan, ParameterShard* shard,
                ArrivalsOf missing);
  void FetchArrivals(uint64_t node, const Plan& plan);
  void FillReplicas(uint64_t node, const Plan& plan);
  absl::Status FetchFrom(uint64_t node, const Plan& plan,
                         const std::vector<ParameterShard::Arrival>& arrivals,
                         ParameterShard* shard);
  bool PauseForNextTry();  // false: other orders have come
  void ReportReady(const Plan& plan);
  void ReportFailed(const Plan& plan, absl::string_view message,
                    bool permanent);
  absl::StatusOr<std::unique_ptr<ParameterShard>> MakeShard(const Plan& plan,
                                                            uint32_t index);
  // The newest checkpoint files of a job that has a new incarnation.
  void TellFilesAgain(const Plan& plan);
  void Drop(uint64_t job);
  void DropAllBut(const std::vector<uint64_t>& jobs);
  void ReportSteps();
  void ReportSkippedCheckpoints();
  void ReportCheckpoint(uint64_t job, uint64_t step,
                        const absl::StatusOr<CheckpointWritten>& written);
  void Send(uint64_t job, uint64_t incarnation, ReportRequest report);
  std::vector<std::shared_ptr<ParameterShard>> Shards() const;

  NormCarrier* const norms_;
  const std::string output_root_;
  const std::string data_root_;
  const bool shares_memory_;
  const Clock* const clock_;
  Threads* const threads_;
  TraceRecorder* const trace_;
  FileCalls* const calls_;
  const MakeChannel make_channel_;
  Reporter reporter_;
  // What the thread that carries out orders has adopted: by job, the first step
  // that nothing has been counted of; and the incarnation that is ready.
  std::map<uint64_t, uint64_t> untouched_;
  std::map<uint64_t, uint64_t> ready_;
  std::map<uint64_t, uint64_t> filled_;  // whose replicas are, all of them
  // One at a time, so that steps are told before what comes of them.
  absl::Mutex steps_mutex_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool milestone_ ABSL_GUARDED_BY(mutex_) = false;
  bool lease_waits_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<NewOrders> orders_ ABSL_GUARDED_BY(mutex_);
  // By job, the step; a shard may come after the order.
  std::map<uint64_t, uint64_t> ordered_checkpoints_ ABSL_GUARDED_BY(mutex_);
  ParameterChannel* fetching_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::map<uint64_t, std::shared_ptr<ParameterShard>> shards_
      ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<CheckpointWriter> checkpoints_;
  std::map<uint64_t, std::deque<CheckpointWritten>> written_
      ABSL_GUARDED_BY(mutex_);  // by job, the newest last
  std::unique_ptr<Threads::Thread> order_thread_;
  std::unique_ptr<Threads::Thread> report_thread_;
  std::unique_ptr<Threads::Thread> lease_thread_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_SERVER_DRIVER_H_
