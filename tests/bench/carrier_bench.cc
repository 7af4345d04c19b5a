// The carriers of the data plane against each other: pushes into an
// accumulator and pulls of the same vector, between two processes, and small
// exchanges one after the other.
//
//   bazel run -c opt //tests/bench:carrier_bench -- [MIB] [SECONDS]
//
// Prints for each carrier, interleaved in rounds, min / median / max of:
// push and pull in GB/s, CPU seconds of both processes per GB moved, and
// microseconds of an exchange of 407 KB each way.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/crc32c.h"
#include "common/process_setup.h"
#include "common/thread_caches.h"
#include "common/vector_ops.h"
#include "common/wire/float_pieces.h"
#include "glog/logging.h"
#include "server/grpc_norm_carrier.h"
#include "tests/data_plane/carriers.h"

namespace hawser {
namespace {

constexpr int64_t kBlockElements = 1 << 20;
constexpr int64_t kSmallElements = 101770;  // of the MNIST MLP
constexpr int kRounds = 5;

// Adds what is pushed to its block; answers a pull with it.
class Accumulators : public FrameHandler {
 public:
  explicit Accumulators(std::vector<std::shared_ptr<FloatBuffer>>* blocks)
      : blocks_(blocks) {}

  void Handle(IncomingFrame frame) override {
    const auto& block = (*blocks_)[frame.header.block];
    if (frame.header.kind == FrameKind::kPush) {
      float* const sum = block->data();
      ForEachFloatRun(frame.pieces,
                      [sum](int64_t first, const char* run, int64_t n) {
                        AddInto(sum + first, run, n);
                      });
      block->Changed();
    } else {
      FrameHeader header;
      header.kind = FrameKind::kBlock;
      header.block = frame.header.block;
      header.payload_bytes = static_cast<uint32_t>(block->bytes().size());
      if (frame.sink->NeedsChecksums()) {
        header.payload_crc32c = block->Checksum();
      }
      frame.sink->Send(
          {EncodeFrameHeader(header), block, block->bytes(), block.get()});
    }
    frame.done();
  }

 private:
  std::vector<std::shared_ptr<FloatBuffer>>* const blocks_;
};

double CpuSeconds(int who) {
  rusage usage = {};
  getrusage(who, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec +
                                    usage.ru_stime.tv_usec);
}

// In the server's process: writes its address, and its CPU time for each byte
// it gets.
[[noreturn]] void Serve(Carrier carrier, int64_t blocks, int in, int out) {
  SharedMemory memory;
  std::vector<std::shared_ptr<FloatBuffer>> sums;
  for (int64_t i = 0; i < blocks; ++i) {
    sums.push_back(std::make_shared<FloatBuffer>(kBlockElements, &memory));
    std::fill_n(sums.back()->data(), kBlockElements, 0.0F);
  }
  sums.push_back(std::make_shared<FloatBuffer>(kSmallElements, &memory));
  std::fill_n(sums.back()->data(), kSmallElements, 0.0F);
  GrpcNormCarrier norms;
  const RealClock clock;
  ServerDriver driver(&norms, "/tmp", &clock, RealThreads());
  Intake intake([&sums] { return std::make_unique<Accumulators>(&sums); });
  CarrierServer server(carrier, &driver, &intake);
  CHECK_EQ(write(out, server.address().data(), server.address().size()),
           static_cast<ssize_t>(server.address().size()));
  char asked = 0;
  while (read(in, &asked, 1) == 1) {
    const double seconds = CpuSeconds(RUSAGE_SELF);
    CHECK_EQ(write(out, &seconds, sizeof(seconds)),
             static_cast<ssize_t>(sizeof(seconds)));
  }
  _exit(0);
}

class Bench {
 public:
  // Starts the server's process. Called before this one has threads.
  Bench(Carrier carrier, int64_t blocks) : carrier_(carrier), blocks_(blocks) {
    int to[2];
    int from[2];
    CHECK(pipe(to) == 0 && pipe(from) == 0);
    if (fork() == 0) {
      close(to[1]);
      close(from[0]);
      Serve(carrier, blocks, to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    ask_ = to[1];
    answer_ = from[0];
    char address[256];
    const ssize_t n = read(answer_, address, sizeof(address));
    CHECK_GT(n, 0);
    address_.assign(address, static_cast<size_t>(n));
  }

  void Connect() {
    channel_ = ConnectByCarrier(carrier_, address_, &memory_);
    gradient_ = memory_.Allocate(blocks_ * kBlockElements);
    std::fill_n(gradient_.data, blocks_ * kBlockElements, 1.0F);
    theta_.resize(static_cast<size_t>(blocks_ * kBlockElements));
  }
  void Disconnect() { channel_.reset(); }
  void Stop() {
    close(ask_);
    close(answer_);
  }

  double Cpu() const {
    double server = 0;
    CHECK_EQ(write(ask_, "?", 1), 1);
    CHECK_EQ(read(answer_, &server, sizeof(server)),
             static_cast<ssize_t>(sizeof(server)));
    return server + CpuSeconds(RUSAGE_SELF);
  }

  void Push() {
    for (int64_t b = 0; b < blocks_; ++b) {
      PushBlock(b, gradient_.data + b * kBlockElements, kBlockElements);
    }
    Pull(blocks_);  // all before it has been added
  }
  void PullAll() {
    for (int64_t b = 0; b < blocks_; ++b) Ask(b);
    for (int64_t b = 0; b < blocks_; ++b) Take();
  }
  void Exchange() {
    PushBlock(blocks_, gradient_.data, kSmallElements);
    Pull(blocks_);
  }

 private:
  void PushBlock(int64_t block, const float* data, int64_t n) {
    FrameHeader header;
    header.kind = FrameKind::kPush;
    header.block = static_cast<uint32_t>(block);
    const absl::Span<const char> payload(reinterpret_cast<const char*>(data),
                                         static_cast<size_t>(n) * 4);
    header.payload_bytes = static_cast<uint32_t>(payload.size());
    if (channel_->NeedsChecksum(payload)) {
      header.payload_crc32c = Crc32c(payload.data(), payload.size());
    }
    CHECK(channel_->Send(header, payload).ok());
  }
  void Ask(int64_t block) {
    FrameHeader header;
    header.kind = FrameKind::kPull;
    header.block = static_cast<uint32_t>(block);
    CHECK(channel_->Send(header, {}).ok());
  }
  void Take() {
    const absl::Status status = channel_->Receive(
        [this](const FrameHeader& header, PayloadPieces pieces) {
          int64_t at = header.block * kBlockElements;
          if (header.block == blocks_) at = 0;
          char* target = reinterpret_cast<char*>(theta_.data() + at);
          for (const absl::Span<const char> piece : pieces) {
            std::memcpy(target, piece.data(), piece.size());
            target += piece.size();
          }
          return absl::OkStatus();
        });
    CHECK(status.ok()) << status;
  }
  void Pull(int64_t block) {
    Ask(block);
    Take();
  }

  const Carrier carrier_;
  const int64_t blocks_;
  int ask_ = -1;
  int answer_ = -1;
  std::string address_;
  SharedMemory memory_;
  SharedMemory::Floats gradient_;
  std::vector<float> theta_;
  std::unique_ptr<ParameterChannel> channel_;
};

std::string Range(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  char text[64];
  std::snprintf(text, sizeof(text), "%7.2f /%7.2f /%7.2f", values.front(),
                values[values.size() / 2], values.back());
  return text;
}

void Main(int64_t mebibytes, double seconds) {
  const int64_t blocks = std::max<int64_t>(mebibytes / 4, 1);
  const double gigabytes = static_cast<double>(blocks * kBlockElements) * 4e-9;
  const Carrier carriers[] = {Carrier::kSharedMemory, Carrier::kUnixSocket,
                              Carrier::kTcp, Carrier::kTls};
  std::vector<std::unique_ptr<Bench>> benches;
  for (const Carrier carrier : carriers) {
    benches.push_back(std::make_unique<Bench>(carrier, blocks));
  }
  struct Figures {
    std::vector<double> push, pull, push_cpu, pull_cpu, small, small_cpu;
  };
  std::map<std::string, Figures> figures;
  for (const auto& bench : benches) {
    bench->Connect();
    bench->Push();
    bench->PullAll();
    bench->Exchange();
  }
  const auto measure = [seconds](Bench* bench, auto work, double* each) {
    const double cpu = bench->Cpu();
    const absl::Time start = absl::Now();
    int times = 0;
    double passed = 0;
    while (passed < seconds || times < 3) {
      work();
      ++times;
      passed = absl::ToDoubleSeconds(absl::Now() - start);
    }
    *each = passed / times;
    return (bench->Cpu() - cpu) / times;
  };
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < benches.size(); ++i) {
      Bench* const bench = benches[i].get();
      Figures& f = figures[CarrierName(carriers[i])];
      double each = 0;
      double cpu = measure(
          bench, [&] { bench->Push(); }, &each);
      f.push.push_back(gigabytes / each);
      f.push_cpu.push_back(1000 * cpu / gigabytes);
      cpu = measure(
          bench, [&] { bench->PullAll(); }, &each);
      f.pull.push_back(gigabytes / each);
      f.pull_cpu.push_back(1000 * cpu / gigabytes);
      cpu = measure(
          bench, [&] { bench->Exchange(); }, &each);
      f.small.push_back(1e6 * each);
      f.small_cpu.push_back(1e6 * cpu);
    }
  }
  std::printf("%lld MiB, blocks of 4 MiB; min / median / max\n",
              static_cast<long long>(blocks * 4));
  for (const auto& [name, f] : figures) {
    std::printf("%s\n", name.c_str());
    std::printf("  push GB/s          %s\n", Range(f.push).c_str());
    std::printf("  pull GB/s          %s\n", Range(f.pull).c_str());
    std::printf("  push CPU ms/GB     %s\n", Range(f.push_cpu).c_str());
    std::printf("  pull CPU ms/GB     %s\n", Range(f.pull_cpu).c_str());
    std::printf("  407 KB exchange us %s\n", Range(f.small).c_str());
    std::printf("  407 KB, CPU us     %s\n", Range(f.small_cpu).c_str());
  }
  for (const auto& bench : benches) {
    bench->Disconnect();
    bench->Stop();
  }
  while (wait(nullptr) > 0) {
  }
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  hawser::LimitThreadCaches(argv);
  hawser::SetUpDaemon(argv[0]);
  hawser::Main(argc > 1 ? std::atoll(argv[1]) : 64,
               argc > 2 ? std::atof(argv[2]) : 0.3);
}
