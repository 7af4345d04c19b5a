#include "common/tokenizer/sentencepiece_tokenizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "common/tokenizer/sentencepiece_cutter.h"
#include "common/tokenizer/sentencepiece_normalizer.h"
#include "common/tokenizer/utf8.h"

namespace hawser {
namespace {

using sentencepiece::Model;
using sentencepiece::Piece;
using sentencepiece::TrainerSpec;

constexpr int kMaxVocabulary = 1 << 20;

template <typename... Parts>
absl::Status Bad(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}
absl::Status Unsupported(const std::string& what) {
  return absl::UnimplementedError(
      absl::StrCat("a sentencepiece model with ", what, " is not supported"));
}

// Whether a space in the piece follows something that is none.
bool SpansSpaces(absl::string_view piece) {
  while (absl::ConsumePrefix(&piece, kSentencepieceSpace)) {
  }
  return absl::StrContains(piece, kSentencepieceSpace);
}

class SentencepieceTokenizer : public Tokenizer {
 public:
  explicit SentencepieceTokenizer(SentencepieceNormalizer normalizer)
      : normalizer_(std::move(normalizer)) {}

  absl::Status Fill(const Model& model);

  int64_t vocabulary() const override {
    return static_cast<int64_t>(texts_.size());
  }
  std::optional<int32_t> end_of_text() const override { return end_of_text_; }
  absl::string_view TokenText(int32_t token) const override {
    return texts_[static_cast<size_t>(token)];
  }
  absl::StatusOr<std::string> Decode(
      absl::Span<const int32_t> tokens) const override {
    absl::StatusOr<std::string> text = Tokenizer::Decode(tokens);
    if (text.ok() && adds_prefix_ && absl::StartsWith(*text, " ")) {
      text->erase(0, 1);
    }
    return text;
  }

  absl::StatusOr<size_t> EncodeSome(
      absl::string_view text, bool first, bool last,
      std::vector<int32_t>* tokens) const override {
    const size_t end = last ? text.size() : LastCut(text);
    absl::string_view piece = text.substr(0, end);
    // The prefix stands for the space at which the text was cut.
    if (!first && adds_prefix_ && !piece.empty()) piece.remove_prefix(1);
    Append(normalizer_.Normalize(piece), tokens);
    return end;
  }

 private:
  absl::Status AddPiece(const Piece& piece, int32_t token);
  // Where the text may be cut; 0: nowhere.
  size_t LastCut(absl::string_view text) const {
    if (!may_cut_ || text.size() < 3) return 0;
    for (size_t at = text.size() - 2; at > 0; --at) {
      const bool space =
          text[at] == ' ' || (text[at] == '\n' && line_end_is_space_);
      if (space && absl::ascii_isalnum(static_cast<uint8_t>(text[at - 1])) &&
          absl::ascii_isalnum(static_cast<uint8_t>(text[at + 1]))) {
        return at;
      }
    }
    return 0;
  }
  void Append(const std::string& normal, std::vector<int32_t>* tokens) const {
    bool after_unknown = false;
    for (const SentencepieceCut& cut :
         is_bpe_ ? CutByMerges(pieces_, normal) : CutByScore(pieces_, normal)) {
      const bool unknown = cut.token == pieces_.unknown;
      if (!unknown) {
        tokens->push_back(cut.token);
      } else if (byte_fallback_) {
        for (size_t i = cut.at; i < cut.at + cut.bytes; ++i) {
          tokens->push_back(bytes_[static_cast<uint8_t>(normal[i])]);
        }
      } else if (!after_unknown) {  // a run of them is one
        tokens->push_back(cut.token);
      }
      after_unknown = unknown;
    }
  }

  const SentencepieceNormalizer normalizer_;
  SentencepieceVocabulary pieces_;
  std::vector<std::string> texts_;  // by token
  std::array<int32_t, 256> bytes_;  // tokens of single bytes; -1: none
  std::optional<int32_t> end_of_text_;
  std::string unknown_text_;
  bool is_bpe_ = false;
  bool byte_fallback_ = false;
  bool adds_prefix_ = false;
  bool may_cut_ = false;
  bool line_end_is_space_ = false;
};

absl::Status SentencepieceTokenizer::AddPiece(const Piece& piece,
                                              int32_t token) {
  const std::string& text = piece.piece();
  pieces_.scores.push_back(piece.score());
  texts_.emplace_back();
  if (text.empty()) return Bad("the piece ", token, " is empty");
  if (!std::isfinite(piece.score())) {
    return Bad("the piece ", token, " has no finite score");
  }
  if (ValidUtf8Prefix(text) != text.size()) {
    return Bad("the piece ", token, " is not UTF-8");
  }
  switch (piece.type()) {
    case Piece::NORMAL:
      if (!pieces_.tokens.emplace(text, token).second) {
        return Bad("the piece \"", text, "\" stands twice");
      }
      pieces_.tree.Add(text, token);
      pieces_.lowest = std::min(pieces_.lowest, piece.score());
      may_cut_ = may_cut_ && !SpansSpaces(text);
      texts_.back() = absl::StrReplaceAll(text, {{kSentencepieceSpace, " "}});
      return absl::OkStatus();
    case Piece::UNKNOWN:
      if (pieces_.unknown >= 0) return Bad("two pieces stand for the unknown");
      pieces_.unknown = token;
      texts_.back() = unknown_text_;
      return absl::OkStatus();
    case Piece::CONTROL:
      return absl::OkStatus();
    case Piece::BYTE:
      for (int byte = 0; byte < 256; ++byte) {
        if (text != absl::StrFormat("<0x%02X>", byte)) continue;
        bytes_[static_cast<size_t>(byte)] = token;
        texts_.back() = std::string(1, static_cast<char>(byte));
        return absl::OkStatus();
      }
      return Bad("the piece \"", text, "\" stands for no byte");
    case Piece::USER_DEFINED:
    case Piece::UNUSED:
      break;
  }
  return Unsupported("user-defined or unused pieces");
}

absl::Status SentencepieceTokenizer::Fill(const Model& model) {
  const TrainerSpec& trainer = model.trainer_spec();
  is_bpe_ = trainer.model_type() == TrainerSpec::BPE;
  byte_fallback_ = trainer.byte_fallback();
  unknown_text_ = trainer.unk_surface();
  adds_prefix_ = model.normalizer_spec().add_dummy_prefix();
  may_cut_ =
      adds_prefix_ || !model.normalizer_spec().remove_extra_whitespaces();
  line_end_is_space_ =
      normalizer_.Normalize("a\nb") == normalizer_.Normalize("a b");
  bytes_.fill(-1);
  pieces_.unknown = -1;
  pieces_.lowest = std::numeric_limits<float>::max();
  for (int token = 0; token < model.pieces_size(); ++token) {
    RETURN_IF_ERROR(AddPiece(model.pieces(token), token));
  }
  if (pieces_.unknown < 0) return Bad("no piece stands for the unknown");
  if (pieces_.tokens.empty()) return Bad("it has no pieces");
  // Runs of unknown characters become one token, also over a space that is.
  may_cut_ = may_cut_ && pieces_.tokens.contains(kSentencepieceSpace);
  if (byte_fallback_ &&
      std::find(bytes_.begin(), bytes_.end(), -1) != bytes_.end()) {
    return Bad("it falls back to bytes but lacks some of them");
  }
  const int32_t end = trainer.eos_id();
  if (end >= 0 && end < model.pieces_size() &&
      model.pieces(end).type() == Piece::CONTROL) {
    end_of_text_ = end;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> ReadSentencepieceModel(
    absl::string_view file) {
  Model model;
  if (!model.ParseFromArray(file.data(), static_cast<int>(file.size())) ||
      model.pieces().empty()) {
    return Bad("not a sentencepiece model");
  }
  if (model.pieces_size() > kMaxVocabulary) {
    return Bad("it has ", model.pieces_size(), " pieces; the most is ",
               kMaxVocabulary);
  }
  const TrainerSpec::ModelType type = model.trainer_spec().model_type();
  if (type != TrainerSpec::UNIGRAM && type != TrainerSpec::BPE) {
    return Unsupported("words or characters as pieces");
  }
  if (model.trainer_spec().treat_whitespace_as_suffix() ||
      !model.normalizer_spec().escape_whitespaces()) {
    return Unsupported("whitespace as a suffix or as it is");
  }
  ASSIGN_OR_RETURN(SentencepieceNormalizer normalizer,
                   SentencepieceNormalizer::Make(model.normalizer_spec()));
  auto tokenizer =
      std::make_unique<SentencepieceTokenizer>(std::move(normalizer));
  RETURN_IF_ERROR(tokenizer->Fill(model));
  return tokenizer;
}

}  // namespace hawser
