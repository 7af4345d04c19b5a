#include "client/data_plane/push_encoder.h"

namespace hawser {

PushEncoder::PushEncoder(const Plan& plan, const JobCodecs* codecs)
    : codecs_(codecs), blocks_(static_cast<size_t>(plan.blocks_size())) {}

SendQueue::Encoding PushEncoder::Prepare(const Block& block,
                                         FrameHeader* header) {
  const JobCodecs::Direction& by =
      header->kind == FrameKind::kPushRun
          ? codecs_->push()
          : codecs_->CodecOf(codecs_->SumOf(header->tree_node));
  header->codec = by.id;
  if (by.is_float32()) return {};
  OfBlock& state = blocks_[block.id()];
  if (state.clock != header->clock) state.used = 0;
  state.clock = header->clock;
  const auto elements = static_cast<int64_t>(block.elements());
  if (state.used == state.memory.size()) {
    state.memory.push_back(
        std::make_unique<char[]>(by.codec->EncodedBytes(elements)));
  }
  SendQueue::Encoding encoding;
  encoding.codec = by.codec.get();
  encoding.bytes = state.memory[state.used++].get();
  if (by.codec->keeps_residual()) {
    state.residual.resize(block.elements(), 0.0f);
    encoding.residual = state.residual.data();
  }
  return encoding;
}

void PushEncoder::Reuse() {
  for (OfBlock& block : blocks_) block.used = 0;
}

}  // namespace hawser
