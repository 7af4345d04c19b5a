// What heartbeats cost the scheduler: the real driver in real time, with so
// many workers of one job that runs, each of which sends a heartbeat that
// waits a second and, when it is answered, the next. Without gRPC and the disk.
//   bazel run //tests/bench:scheduler_bench -- 1000 10000
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <list>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/version.h"
#include "glog/logging.h"
#include "google/protobuf/text_format.h"
#include "scheduler/memory_journal.h"
#include "scheduler/scheduler_driver.h"

namespace hawser {
namespace {

constexpr absl::Duration kMeasured = absl::Seconds(5);
constexpr uint32_t kWaitMs = 1000;

void CheckOk(const absl::Status& status) { CHECK(status.ok()) << status; }

// Of all threads of this process.
double ProcessorSeconds() {
  timespec time = {};
  PCHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

class Bench {
 public:
  explicit Bench(uint32_t workers)
      : driver_({.lease = absl::Seconds(60)}, &journal_, &clock_,
                RealThreads()) {
    CheckOk(driver_.Start());
    const uint64_t server = Join(SERVER);
    for (uint32_t i = 0; i < workers; ++i) {
      members_.emplace_back().node = Join(WORKER);
    }
    StartJob(server);
  }

  // Microseconds of a processor for each heartbeat.
  double Run() {
    // Spread over a second, as those of a cluster are.
    const absl::Time start = clock_.Now();
    double i = 0;
    for (Member& member : members_) {
      AnswerUntil(start + absl::Seconds(++i / members_.size()));
      Send(&member);
    }
    sent_ = 0;
    const double before = ProcessorSeconds();
    AnswerUntil(clock_.Now() + kMeasured);
    const double microseconds = 1e6 * (ProcessorSeconds() - before);
    driver_.Stop();
    return microseconds / sent_;
  }

 private:
  struct Member {
    uint64_t node = 0;
    uint64_t orders_version = 0;
    HeartbeatResponse response;
  };

  uint64_t Join(Role role) {
    RegisterRequest request;
    request.set_role(role);
    request.set_address(absl::StrCat("address ", ++joined_));
    request.set_version(kVersion);
    RegisterResponse response;
    CheckOk(driver_.Register(request, &response));
    return response.node();
  }

  void StartJob(uint64_t server) {
    SubmitJobRequest request;
    CHECK(google::protobuf::TextFormat::ParseFromString(
        R"pb(
          name: "job"
          model { mlp { layer_sizes: [ 4, 3 ] } }
          data { idx {} }
          optimizer { sgd {} }
          learning_rate { base: 0.1 }
          schedule { steps: 1000 global_batch: 16 }
        )pb",
        request.mutable_spec()));
    request.mutable_spec()->mutable_resources()->set_workers(
        static_cast<uint32_t>(members_.size()));
    SubmitJobResponse response;
    CheckOk(driver_.Submit(request, &response));
    ReportRequest report;
    report.set_job(response.job());
    report.set_incarnation(Get().incarnation());
    report.mutable_data_loaded()->set_training_samples(64);
    for (const Member& member : members_) {
      report.set_node(member.node);
      CheckOk(driver_.Report(report));
    }
    report.set_node(server);
    report.set_incarnation(Get().incarnation());
    report.mutable_server_ready();
    CheckOk(driver_.Report(report));
    CHECK_EQ(Get().state(), RUNNING);
  }

  JobStatus Get() {
    GetJobRequest request;
    request.set_name("job");
    GetJobResponse response;
    driver_.GetJob(request, &response, [](absl::Status s) { CheckOk(s); });
    return response.status();
  }

  void Send(Member* member) {
    HeartbeatRequest request;
    request.set_node(member->node);
    request.set_orders_version(member->orders_version);
    request.set_wait_ms(kWaitMs);
    member->response.Clear();
    ++sent_;
    driver_.Heartbeat(request, &member->response, [this, member](auto status) {
      if (absl::IsUnavailable(status)) return;  // it stops
      CheckOk(status);
      absl::MutexLock lock(&mutex_);
      answered_.push_back(member);
    });
  }

  void AnswerUntil(absl::Time time) {
    while (clock_.Now() < time) {
      std::vector<Member*> answered;
      {
        absl::MutexLock lock(&mutex_);
        const auto any = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
          return !answered_.empty();
        };
        mutex_.AwaitWithTimeout(absl::Condition(&any), time - clock_.Now());
        answered.swap(answered_);
      }
      for (Member* member : answered) {
        member->orders_version = member->response.orders().version();
        Send(member);
      }
    }
  }

  RealClock clock_;
  MemoryJournal journal_;
  SchedulerDriver driver_;
  int joined_ = 0;
  std::list<Member> members_;
  uint64_t sent_ = 0;
  absl::Mutex mutex_;
  std::vector<Member*> answered_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  FLAGS_logtostderr = true;
  FLAGS_minloglevel = google::WARNING;
  std::puts("workers,microseconds_per_heartbeat");
  for (int i = 1; i < argc; ++i) {
    const int workers = std::atoi(argv[i]);
    hawser::Bench bench(static_cast<uint32_t>(workers));
    std::printf("%d,%.2f\n", workers, bench.Run());
    std::fflush(stdout);
  }
  return 0;
}
