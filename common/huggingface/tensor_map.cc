#include "common/huggingface/tensor_map.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "glog/logging.h"

namespace hawser {
namespace {

constexpr char kHead[] = "lm_head.weight";

struct Name {
  const char* ours;
  const char* theirs;
};

// Of a block, without ".weight" and ".bias".
constexpr Name kGpt2Block[] = {
    {"attention_norm", "ln_1"},          {"attention.qkv", "attn.c_attn"},
    {"attention.output", "attn.c_proj"}, {"feed_forward_norm", "ln_2"},
    {"feed_forward.up", "mlp.c_fc"},     {"feed_forward.down", "mlp.c_proj"}};
constexpr Name kGpt2Whole[] = {{"token_embedding", "wte"},
                               {"position_embedding", "wpe"},
                               {"final_norm", "ln_f"}};
constexpr Name kLlamaBlock[] = {
    {"attention_norm", "input_layernorm"},
    {"attention.output", "self_attn.o_proj"},
    {"feed_forward_norm", "post_attention_layernorm"},
    {"feed_forward.down", "mlp.down_proj"}};
constexpr Name kLlamaWhole[] = {{"token_embedding", "embed_tokens"},
                                {"final_norm", "norm"}};

template <size_t N>
std::string Look(const Name (&names)[N], const std::string& name) {
  for (const Name& known : names) {
    if (name == known.ours) return known.theirs;
  }
  LOG(FATAL) << "no other name of " << name;
}

// "blocks.3.attention.qkv.weight": "3", "attention.qkv", ".weight".
struct Parts {
  std::string block;  // empty: of no block
  std::string layer;
  std::string ending;
};

Parts Split(const std::string& name) {
  Parts parts;
  absl::string_view rest = name;
  if (absl::ConsumePrefix(&rest, "blocks.")) {
    const size_t dot = rest.find('.');
    parts.block = std::string(rest.substr(0, dot));
    rest.remove_prefix(dot + 1);
  }
  const size_t dot = rest.rfind('.');
  parts.layer = std::string(rest.substr(0, dot));
  parts.ending = std::string(rest.substr(dot));
  return parts;
}

class Mapper {
 public:
  Mapper(Architecture architecture, const GptSpec& gpt, std::string prefix)
      : architecture_(architecture), gpt_(gpt), prefix_(std::move(prefix)) {}

  MappedTensor Map(const TensorShape& tensor) const {
    MappedTensor mapped;
    mapped.name = tensor.name();
    mapped.offset = tensor.offset();
    mapped.rows = tensor.dimensions_size() > 0 ? tensor.dimensions(0) : 1;
    mapped.columns = 1;
    for (int i = 1; i < tensor.dimensions_size(); ++i) {
      mapped.columns *= tensor.dimensions(i);
    }
    const std::vector<uint64_t> shape(tensor.dimensions().begin(),
                                      tensor.dimensions().end());
    if (architecture_ == Architecture::kOwn) {
      mapped.pieces.push_back({tensor.name(), shape, mapped.rows, false});
    } else if (tensor.name() == "head.weight") {
      mapped.pieces.push_back({kHead, shape, mapped.rows, false});
    } else if (architecture_ == Architecture::kGpt2) {
      mapped.pieces.push_back(Gpt2Piece(Split(tensor.name()), shape));
    } else {
      AddLlamaPieces(Split(tensor.name()), shape, &mapped.pieces);
    }
    return mapped;
  }

 private:
  TensorPiece Gpt2Piece(const Parts& parts, std::vector<uint64_t> shape) const {
    const uint64_t rows = shape[0];
    if (parts.block.empty()) {
      return {
          absl::StrCat(prefix_, Look(kGpt2Whole, parts.layer), parts.ending),
          std::move(shape), rows, false};
    }
    const bool transposed = shape.size() == 2;
    if (transposed) std::swap(shape[0], shape[1]);
    return {absl::StrCat(prefix_, "h.", parts.block, ".",
                         Look(kGpt2Block, parts.layer), parts.ending),
            std::move(shape), rows, transposed};
  }

  void AddLlamaPieces(const Parts& parts, const std::vector<uint64_t>& shape,
                      std::vector<TensorPiece>* pieces) const {
    if (parts.block.empty()) {
      pieces->push_back(
          {absl::StrCat(prefix_, Look(kLlamaWhole, parts.layer), parts.ending),
           shape, shape[0], false});
      return;
    }
    const auto add = [&](const std::string& layer, uint64_t rows) {
      std::vector<uint64_t> stored = shape;
      stored[0] = rows;
      pieces->push_back({absl::StrCat(prefix_, "layers.", parts.block, ".",
                                      layer, parts.ending),
                         std::move(stored), rows, false});
    };
    if (parts.layer == "attention.qkv") {
      const uint64_t head_width = gpt_.width() / gpt_.heads();
      add("self_attn.q_proj", gpt_.heads() * head_width);
      add("self_attn.k_proj", gpt_.key_value_heads() * head_width);
      add("self_attn.v_proj", gpt_.key_value_heads() * head_width);
    } else if (parts.layer == "feed_forward.up") {
      add("mlp.gate_proj", gpt_.feed_forward_width());
      add("mlp.up_proj", gpt_.feed_forward_width());
    } else {
      add(Look(kLlamaBlock, parts.layer), shape[0]);
    }
  }

  const Architecture architecture_;
  const GptSpec& gpt_;
  const std::string prefix_;
};

}  // namespace

std::vector<MappedTensor> MapTensors(Architecture architecture,
                                     absl::Span<const TensorShape> tensors,
                                     const GptSpec& gpt,
                                     const std::string& prefix) {
  const Mapper mapper(architecture, gpt, prefix);
  std::vector<MappedTensor> mapped;
  for (const TensorShape& tensor : tensors) {
    mapped.push_back(mapper.Map(tensor));
  }
  return mapped;
}

std::string PrefixOf(Architecture architecture) {
  switch (architecture) {
    case Architecture::kGpt2:
      return "transformer.";
    case Architecture::kLlama:
      return "model.";
    case Architecture::kOwn:
      break;
  }
  return "";
}

bool IsIgnored(const std::string& name, const GptSpec& gpt) {
  return absl::EndsWith(name, ".attn.bias") ||
         absl::EndsWith(name, ".attn.masked_bias") ||
         absl::EndsWith(name, ".rotary_emb.inv_freq") ||
         (name == kHead && !gpt.untied_head());
}

}  // namespace hawser
