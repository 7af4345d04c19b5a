#include "server/block_fetch.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

// Blocks that are asked for before the first of them has come.
constexpr size_t kAhead = 4;
// No optimizer has more vectors of state.
constexpr uint32_t kMaxVectors = 16;

std::string Text(PayloadPieces pieces) {
  std::string text;
  for (const absl::Span<const char> piece : pieces) {
    text.append(piece.data(), piece.size());
  }
  return text;
}

size_t VectorsOf(const BlockState& state) {
  if (state.unchanged()) return 0;
  return (state.has_previous() ? 2u : 1u) + state.state_vectors();
}

}  // namespace

absl::Status BlockFetch::Run(const std::vector<Wanted>& blocks, Take take) {
  size_t asked = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    for (; asked < std::min(blocks.size(), i + kAhead); ++asked) {
      RETURN_IF_ERROR(Ask(blocks[asked]));
    }
    const uint32_t block = blocks[i].block;
    ASSIGN_OR_RETURN(BlockContents contents, ReceiveBlock(block));
    RETURN_IF_ERROR(take(block, std::move(contents)));
  }
  return absl::OkStatus();
}

absl::Status BlockFetch::Ask(const Wanted& wanted) {
  FrameHeader header;
  header.kind = FrameKind::kFetch;
  header.job = plan_.job();
  header.incarnation = plan_.incarnation();
  header.node = node_;
  header.block = wanted.block;
  header.payload_bytes = static_cast<uint32_t>(wanted.have.size());
  header.payload_crc32c = Crc32c(wanted.have.data(), wanted.have.size());
  return channel_->Send(header, {wanted.have.data(), wanted.have.size()});
}

absl::StatusOr<BlockContents> BlockFetch::ReceiveBlock(uint32_t block) {
  BlockContents contents;
  bool has_state = false;
  while (!has_state || contents.vectors.size() < VectorsOf(contents.state)) {
    RETURN_IF_ERROR(
        channel_->Receive([&](const FrameHeader& header, PayloadPieces pieces) {
          RETURN_IF_ERROR(ReceivePart(header, pieces, block, &contents));
          has_state = true;
          return absl::OkStatus();
        }));
  }
  return contents;
}

absl::Status BlockFetch::ReceivePart(const FrameHeader& header,
                                     PayloadPieces pieces, uint32_t block,
                                     BlockContents* contents) {
  if (header.kind == FrameKind::kError) {
    return absl::Status(static_cast<absl::StatusCode>(header.flags),
                        Text(pieces));
  }
  const bool is_first = contents->vectors.empty() && header.position == 0;
  if (header.kind != FrameKind::kBlockState || header.job != plan_.job() ||
      header.incarnation != plan_.incarnation() || header.block != block ||
      (!is_first && header.position != contents->vectors.size() + 1)) {
    return absl::DataLossError("a part of a block that was not asked for");
  }
  if (is_first) {
    if (!contents->state.ParseFromString(Text(pieces)) ||
        contents->state.state_vectors() > kMaxVectors) {
      return absl::DataLossError("the state of a block that cannot be read");
    }
    return absl::OkStatus();
  }
  const int64_t elements = plan_.blocks(static_cast<int>(block)).elements();
  if (header.payload_bytes != static_cast<uint64_t>(elements) * sizeof(float)) {
    return absl::DataLossError(
        absl::StrCat("a vector of ", header.payload_bytes, " bytes for block ",
                     block, " of ", elements, " elements"));
  }
  auto vector = std::make_shared<FloatBuffer>(elements);
  char* to = reinterpret_cast<char*>(vector->data());
  for (const absl::Span<const char> piece : pieces) {
    std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
  }
  contents->vectors.push_back(std::move(vector));
  return absl::OkStatus();
}

}  // namespace hawser
