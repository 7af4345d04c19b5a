// A server that does what a frame's header asks, to test carriers with: its
// `block` names what to do.
#ifndef HAWSER_TESTS_DATA_PLANE_ECHO_HANDLER_H_
#define HAWSER_TESTS_DATA_PLANE_ECHO_HANDLER_H_

#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/shared_memory.h"
#include "server/float_buffer.h"
#include "server/intake.h"

namespace hawser {

enum class EchoTask : uint32_t {
  kEcho,    // answer a block with the frame's payload
  kRefuse,  // answer an error
  kFlood,   // answer `run` blocks of 1 MiB
  kSum,     // answer nothing; count the payload's bytes
};

class EchoHandler : public FrameHandler {
 public:
  // memory: what answers lie in; may be null.
  explicit EchoHandler(SharedMemory* memory) : memory_(memory) {}

  void Handle(IncomingFrame frame) override {
    const FrameHeader& header = frame.header;
    switch (static_cast<EchoTask>(header.block)) {
      case EchoTask::kEcho:
        frame.sink->Send(Echo(frame));
        break;
      case EchoTask::kRefuse:
        frame.sink->Send(ErrorFrame(
            header, absl::OutOfRangeError(absl::StrCat("no ", header.clock))));
        break;
      case EchoTask::kFlood:
        for (uint32_t i = 0; i < header.run; ++i) {
          auto buffer = std::make_shared<FloatBuffer>(1 << 18, memory_);
          std::memset(buffer->data(), static_cast<int>(i), 1 << 20);
          FrameHeader answer = AnswerTo(header, 1 << 20);
          answer.clock = i;
          if (frame.sink->NeedsChecksums()) {
            answer.payload_crc32c = buffer->Checksum();
          }
          SendBuffer(frame.sink.get(), answer, std::move(buffer), 1 << 20);
        }
        break;
      case EchoTask::kSum:
        break;
    }
    frame.done();
  }

 private:
  static FrameHeader AnswerTo(const FrameHeader& header, size_t bytes) {
    FrameHeader answer = header;
    answer.kind = FrameKind::kBlock;
    answer.payload_bytes = static_cast<uint32_t>(bytes);
    answer.payload_crc32c = 0;
    return answer;
  }

  static void SendBuffer(ReplySink* sink, const FrameHeader& header,
                         std::shared_ptr<FloatBuffer> buffer, size_t bytes) {
    const FloatBuffer* const payload = buffer.get();
    sink->Send({EncodeFrameHeader(header), std::move(buffer),
                payload->bytes().first(bytes), payload});
  }

  OutgoingFrame Echo(const IncomingFrame& frame) const {
    const size_t bytes = frame.header.payload_bytes;
    auto buffer = std::make_shared<FloatBuffer>(
        static_cast<int64_t>((bytes + 3) / 4), memory_);
    char* target = reinterpret_cast<char*>(buffer->data());
    for (const absl::Span<const char> piece : frame.pieces) {
      std::memcpy(target, piece.data(), piece.size());
      target += piece.size();
    }
    const FloatBuffer* const payload = buffer.get();
    const auto shown = payload->bytes().first(bytes);
    FrameHeader answer = AnswerTo(frame.header, bytes);
    if (frame.sink->NeedsChecksums()) {
      answer.payload_crc32c = Crc32c(shown.data(), shown.size());
    }
    return {EncodeFrameHeader(answer), std::move(buffer), shown, payload};
  }

  SharedMemory* const memory_;
};

}  // namespace hawser

#endif  // HAWSER_TESTS_DATA_PLANE_ECHO_HANDLER_H_
