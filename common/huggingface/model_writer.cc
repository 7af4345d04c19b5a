#include "common/huggingface/model_writer.h"

#include <algorithm>
#include <vector>

#include "common/files.h"
#include "common/safetensors.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr uint64_t kChunk = 256 << 10;  // elements
constexpr uint64_t kTile = 64;          // stored rows that are made at a time

absl::Status AppendFloats(absl::Span<const float> values, AtomicFile* file) {
  return file->Append(values.data(), values.size() * sizeof(float));
}

// Rows of the parameter vector from `offset`, as they are.
absl::Status AppendRows(uint64_t offset, uint64_t elements,
                        ReadParametersFunction read, AtomicFile* file) {
  std::vector<float> chunk(std::min(kChunk, elements));
  for (uint64_t i = 0; i < elements; i += kChunk) {
    const auto part =
        absl::MakeSpan(chunk).subspan(0, std::min(kChunk, elements - i));
    RETURN_IF_ERROR(read(offset + i, part));
    RETURN_IF_ERROR(AppendFloats(part, file));
  }
  return absl::OkStatus();
}

absl::Status AppendTransposed(uint64_t offset, uint64_t rows, uint64_t columns,
                              ReadParametersFunction read, AtomicFile* file) {
  std::vector<float> values(rows * columns);
  RETURN_IF_ERROR(read(offset, absl::MakeSpan(values)));
  std::vector<float> tile(kTile * rows);
  for (uint64_t column = 0; column < columns; column += kTile) {
    const uint64_t width = std::min(kTile, columns - column);
    for (uint64_t r = 0; r < rows; ++r) {
      for (uint64_t c = 0; c < width; ++c) {
        tile[c * rows + r] = values[r * columns + column + c];
      }
    }
    RETURN_IF_ERROR(
        AppendFloats(absl::MakeSpan(tile).subspan(0, width * rows), file));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteModel(absl::Span<const MappedTensor> tensors,
                        const std::map<std::string, std::string>& metadata,
                        ReadParametersFunction read, const std::string& path) {
  std::vector<TensorEntry> entries;
  for (const MappedTensor& tensor : tensors) {
    for (const TensorPiece& piece : tensor.pieces) {
      entries.push_back({piece.name, piece.shape});
    }
  }
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(AppendSafetensorsHeader(entries, metadata, &file));
  for (const MappedTensor& tensor : tensors) {
    uint64_t offset = tensor.offset;
    for (const TensorPiece& piece : tensor.pieces) {
      const uint64_t elements = piece.rows * tensor.columns;
      RETURN_IF_ERROR(piece.transposed
                          ? AppendTransposed(offset, piece.rows, tensor.columns,
                                             read, &file)
                          : AppendRows(offset, elements, read, &file));
      offset += elements;
    }
  }
  return file.Commit();
}

}  // namespace hawser
