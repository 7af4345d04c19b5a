// A process on the other end that is killed, in the middle of what it does. The
// other end is this program, started with arguments.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "common/crc32c.h"
#include "gtest/gtest.h"
#include "server/grpc_norm_carrier.h"
#include "tests/data_plane/carriers.h"
#include "tests/data_plane/echo_handler.h"

namespace hawser {
namespace {

// What a process has open or mapped that a carrier could have left.
int Held() {
  int held = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target =
        std::filesystem::read_symlink(entry.path(), gone).string();
    held += target.rfind("socket:", 0) == 0 || target.rfind("/memfd:", 0) == 0;
  }
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    held += line.find("memfd:") != std::string::npos ? 1 : 0;
  }
  return held;
}

struct Server {
  explicit Server(Carrier carrier)
      : driver(&norms, testing::TempDir(), &clock, RealThreads()),
        intake([this] { return std::make_unique<EchoHandler>(&memory); }),
        end(std::make_unique<CarrierServer>(carrier, &driver, &intake)) {}

  GrpcNormCarrier norms;
  const RealClock clock;
  SharedMemory memory;
  ServerDriver driver;
  Intake intake;
  std::unique_ptr<CarrierServer> end;
};

absl::Status Echo(ParameterChannel* channel, absl::Span<const char> payload) {
  FrameHeader header;
  header.kind = FrameKind::kPush;
  header.block = static_cast<uint32_t>(EchoTask::kEcho);
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc32c = Crc32c(payload.data(), payload.size());
  const absl::Status status = channel->Send(header, payload);
  if (!status.ok()) return status;
  return channel->Receive(
      [](const FrameHeader&, PayloadPieces) { return absl::OkStatus(); });
}

SharedMemory::Floats MakePayload(SharedMemory* memory) {
  SharedMemory::Floats floats = memory->Allocate(1 << 18);
  std::memset(floats.data, 1, 1 << 20);
  return floats;
}
absl::Span<const char> BytesOf(const SharedMemory::Floats& floats) {
  return {reinterpret_cast<const char*>(floats.data), 1 << 20};
}

// --- The other process ------------------------------------------------------

void ServeForEver(Carrier carrier) {
  Server server(carrier);
  const std::string line = server.end->address() + "\n";
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) return;
  for (;;) pause();
}

void EchoForEver(Carrier carrier, const std::string& address) {
  SharedMemory memory;
  const auto payload = MakePayload(&memory);
  const auto channel = ConnectByCarrier(carrier, address, &memory);
  if (!Echo(channel.get(), BytesOf(payload)).ok()) return;
  if (write(STDOUT_FILENO, "on\n", 3) < 0) return;
  while (Echo(channel.get(), BytesOf(payload)).ok()) {
  }
}

class Other {
 public:
  explicit Other(const std::vector<std::string>& arguments) {
    int out[2];
    EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
    std::vector<char*> argv = {const_cast<char*>("peer_death_test")};
    for (const std::string& argument : arguments) {
      argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      execv("/proc/self/exe", argv.data());
      _exit(127);
    }
    close(out[1]);
    for (char c = 0; read(out[0], &c, 1) == 1 && c != '\n';) line_.push_back(c);
    close(out[0]);
    EXPECT_NE(line_, "");
  }
  ~Other() { Kill(); }
  void Kill() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  const std::string& line() const { return line_; }

 private:
  pid_t pid_ = -1;
  std::string line_;
};

class PeerDeathTest : public testing::TestWithParam<Carrier> {};

INSTANTIATE_TEST_SUITE_P(, PeerDeathTest,
                         testing::Values(Carrier::kSharedMemory,
                                         Carrier::kUnixSocket, Carrier::kDirect,
                                         Carrier::kTcp),
                         [](const auto& info) {
                           return CarrierName(info.param);
                         });

TEST_P(PeerDeathTest, AServerThatIsKilledIsUnavailableAndLeavesNothing) {
  SharedMemory memory;
  const auto payload = MakePayload(&memory);
  const std::string carrier = std::to_string(static_cast<int>(GetParam()));
  int held = 0;
  for (int round = 0; round < 4; ++round) {
    Other server({"serve", carrier});
    auto channel = ConnectByCarrier(GetParam(), server.line(), &memory);
    ASSERT_TRUE(Echo(channel.get(), BytesOf(payload)).ok());
    std::thread killer([&] { server.Kill(); });
    absl::Status status;
    while (status.ok()) status = Echo(channel.get(), BytesOf(payload));
    killer.join();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    channel.reset();
    if (round == 0) held = Held();
  }
  EXPECT_LE(Held(), held + 1);
}

TEST_P(PeerDeathTest, AWorkerThatIsKilledLeavesNothing) {
  Server server(GetParam());
  const std::string carrier = std::to_string(static_cast<int>(GetParam()));
  int held = 0;
  for (int round = 0; round < 4; ++round) {
    Other worker({"echo", carrier, server.end->address()});
    ASSERT_EQ(worker.line(), "on");
    worker.Kill();
    // The server notices.
    while (server.intake.streams() != 0) std::this_thread::yield();
    if (round == 0) held = Held();
  }
  // Sockets and threads of the last one may be on their way out.
  EXPECT_LE(Held(), held + 2);
  EXPECT_EQ(server.intake.damaged_frames(), 0);
  EXPECT_EQ(server.intake.queued_bytes(), 0);
  // Others go on.
  SharedMemory memory;
  const auto payload = MakePayload(&memory);
  const auto channel = server.end->Connect(&memory);
  EXPECT_TRUE(Echo(channel.get(), BytesOf(payload)).ok());
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  if (argc >= 3) {
    const auto carrier = static_cast<hawser::Carrier>(std::stoi(argv[2]));
    if (std::string(argv[1]) == "serve") hawser::ServeForEver(carrier);
    if (std::string(argv[1]) == "echo") {
      hawser::EchoForEver(carrier, argv[3]);
    }
    return 1;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
