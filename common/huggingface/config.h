// A GPT's settings as the config.json of Hugging Face transformers.
//
//   GPT2LMHeadModel   LAYER_NORM, LEARNED, GELU, biases, as many heads of keys
//                     and values as of queries
//   LlamaForCausalLM  RMS_NORM, ROTARY, SWIGLU, no biases
//
// Either with a head of its own or the token embedding. transformers has no
// model of any other mix. docs/model_directories.md has the table of fields.
#ifndef HAWSER_COMMON_HUGGINGFACE_CONFIG_H_
#define HAWSER_COMMON_HUGGINGFACE_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/job.pb.h"

namespace hawser {

// Which program's names a model directory uses for tensors.
enum class Architecture {
  kOwn,  // Hawser's: gpt_layout.h
  kGpt2,
  kLlama,
};

// gpt: completed (job_rules.h).
Architecture ArchitectureOf(const GptSpec& gpt);

// Tokens that begin and end a text, if the tokenizer has them.
struct SpecialTokens {
  std::optional<uint32_t> begin;
  std::optional<uint32_t> end;
};

// The file's text. gpt: completed, and of kGpt2 or kLlama.
std::string WriteConfig(const GptSpec& gpt, const SpecialTokens& tokens);

// What a config.json says, completed. Dropout is taken over where all of its
// rates are the same; precision and recompute_activations are not in the file.
// INVALID_ARGUMENT: not JSON, or a value out of its range; UNIMPLEMENTED: a
// model or a setting that Hawser does not have. The message names the setting,
// and not the file.
absl::StatusOr<GptSpec> ReadConfig(absl::string_view text);

}  // namespace hawser

#endif  // HAWSER_COMMON_HUGGINGFACE_CONFIG_H_
