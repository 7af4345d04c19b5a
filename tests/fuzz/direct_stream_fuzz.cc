// Frames off a connection of their own, on which the bytes are cut anywhere.
#include <sys/socket.h>

#include <memory>

#include "common/crc32c.h"
#include "common/wire/direct_stream.h"
#include "tests/fuzz/input.h"

namespace {

using namespace hawser;

constexpr size_t kMostMemory = 64 << 10;

// What comes out of the bytes, and how the stream ended.
struct Outcome {
  std::vector<std::string> payloads;
  absl::StatusCode end;

  bool operator==(const Outcome&) const = default;
};

Outcome Read(const std::string& bytes, uint32_t seed) {
  int ends[2];
  HAWSER_FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) ==
                    0);
  FileDescriptor here(ends[0]);
  const FileDescriptor there(ends[1]);
  size_t memory = 0;
  DirectReader reader(&there, [&](size_t more) {
    memory += more;
    return memory <= kMostMemory ? absl::OkStatus()
                                 : absl::ResourceExhaustedError("too much");
  });
  // Every second one is wanted in memory of its own, of just its size.
  std::unique_ptr<char[]> place;
  reader.PlacePayloads([&](const FrameHeader& header) -> char* {
    if (header.clock % 2 == 0 || header.payload_bytes > kMostMemory) {
      return nullptr;
    }
    place = std::make_unique_for_overwrite<char[]>(header.payload_bytes);
    return place.get();
  });
  Outcome outcome = {};
  const auto take_all = [&] {
    for (;;) {
      const auto next = reader.Next();
      if (!next.ok()) {
        outcome.end = next.status().code();
        return false;
      }
      if (!*next) return true;
      const absl::Span<const char> payload = reader.payload();
      HAWSER_FUZZ_CHECK(Crc32c(payload.data(), payload.size()) ==
                        reader.header().payload_crc32c);
      outcome.payloads.emplace_back(payload.data(), payload.size());
    }
  };
  const fuzz::Pieces pieces(bytes, seed);
  for (const absl::Span<const char> piece : pieces.pieces()) {
    if (piece.empty()) continue;
    HAWSER_FUZZ_CHECK(send(here.get(), piece.data(), piece.size(), 0) ==
                      static_cast<ssize_t>(piece.size()));
    if (!take_all()) return outcome;
  }
  // Not closed alone: whoever looks at this process's descriptors may hold one
  // for a moment longer.
  shutdown(here.get(), SHUT_WR);
  here = FileDescriptor();
  HAWSER_FUZZ_CHECK(!take_all());
  return outcome;
}

std::string Frame(uint32_t clock, const std::string& payload) {
  FrameHeader header;
  header.clock = clock;
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc32c = Crc32c(payload.data(), payload.size());
  const FrameHeaderBytes sealed = EncodeFrameHeader(header);
  return std::string(sealed.data(), sealed.size()) + payload;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint32_t seed = input.Number(2);
  const size_t first = input.Number(2);
  const std::string rest = input.Rest();
  std::string bytes = rest;
  // Frames that hold, and then what there is.
  if ((seed & 1) != 0) {
    bytes = Frame(seed, rest.substr(0, first)) + Frame(seed, "") + rest;
  }
  const Outcome cut = Read(bytes, seed);
  HAWSER_FUZZ_CHECK(cut == Read(bytes, 0));
  HAWSER_FUZZ_CHECK((seed & 1) == 0 || cut.payloads.size() >= 2 ||
                    cut.end == absl::StatusCode::kResourceExhausted);
  HAWSER_FUZZ_CHECK(cut.end == absl::StatusCode::kUnavailable ||
                    cut.end == absl::StatusCode::kDataLoss ||
                    cut.end == absl::StatusCode::kResourceExhausted);
  return 0;
}
