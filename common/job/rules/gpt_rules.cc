#include "common/job/rules/gpt_rules.h"

#include "common/job/rules/checks.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr uint32_t kMaxVocabulary = 1 << 20;
constexpr uint32_t kMaxWidth = 1 << 16;
constexpr uint32_t kMaxLayers = 1000;
constexpr double kMostRotaryBase = 1e9;

absl::Status CheckCount(absl::string_view field, uint32_t value,
                        uint32_t fewest, uint32_t most) {
  if (value >= fewest && value <= most) return absl::OkStatus();
  return Broken("model.gpt.", field, " is ", value, "; it must be ", fewest,
                " to ", most);
}

absl::Status CheckDivides(absl::string_view field, uint32_t divisor,
                          absl::string_view whole_field, uint32_t whole) {
  if (whole % divisor == 0) return absl::OkStatus();
  return Broken("model.gpt.", field, " is ", divisor, "; it must divide model.",
                "gpt.", whole_field, ", ", whole);
}

absl::Status CompleteShape(GptSpec* gpt) {
  RETURN_IF_ERROR(
      CheckCount("vocabulary", gpt->vocabulary(), 2, kMaxVocabulary));
  RETURN_IF_ERROR(CheckCount("context", gpt->context(), 1, kMaxWidth));
  RETURN_IF_ERROR(CheckCount("layers", gpt->layers(), 1, kMaxLayers));
  RETURN_IF_ERROR(CheckCount("width", gpt->width(), 1, kMaxWidth));
  RETURN_IF_ERROR(CheckCount("heads", gpt->heads(), 1, gpt->width()));
  RETURN_IF_ERROR(CheckDivides("heads", gpt->heads(), "width", gpt->width()));
  if (gpt->key_value_heads() == 0) gpt->set_key_value_heads(gpt->heads());
  RETURN_IF_ERROR(CheckDivides("key_value_heads", gpt->key_value_heads(),
                               "heads", gpt->heads()));
  if (gpt->feed_forward_width() == 0) {
    const uint32_t width = gpt->width();
    gpt->set_feed_forward_width(gpt->feed_forward() == FEED_FORWARD_SWIGLU
                                    ? (width * 8 / 3 + 31) / 32 * 32
                                    : 4 * width);
  }
  return CheckCount("feed_forward_width", gpt->feed_forward_width(), 1,
                    8 * kMaxWidth);
}

absl::Status CompleteChoices(GptSpec* gpt) {
  RETURN_IF_ERROR(CheckEnum("model.gpt.normalisation",
                            Normalisation_IsValid(gpt->normalisation()),
                            gpt->normalisation()));
  RETURN_IF_ERROR(CheckEnum("model.gpt.positions",
                            Positions_IsValid(gpt->positions()),
                            gpt->positions()));
  RETURN_IF_ERROR(CheckEnum("model.gpt.feed_forward",
                            FeedForward_IsValid(gpt->feed_forward()),
                            gpt->feed_forward()));
  RETURN_IF_ERROR(CheckEnum("model.gpt.precision",
                            Precision_IsValid(gpt->precision()),
                            gpt->precision()));
  if (gpt->normalisation() == NORMALISATION_UNSPECIFIED) {
    gpt->set_normalisation(LAYER_NORM);
  }
  if (gpt->positions() == POSITIONS_UNSPECIFIED) gpt->set_positions(LEARNED);
  if (gpt->feed_forward() == FEED_FORWARD_UNSPECIFIED) {
    gpt->set_feed_forward(FEED_FORWARD_GELU);
  }
  if (gpt->precision() == PRECISION_UNSPECIFIED) gpt->set_precision(FLOAT32);
  return absl::OkStatus();
}

absl::Status CompleteNumbers(GptSpec* gpt) {
  RETURN_IF_ERROR(CheckRange("model.gpt.dropout", gpt->dropout(), 0, 1));
  RETURN_IF_ERROR(CheckRange("model.gpt.normalisation_epsilon",
                             gpt->normalisation_epsilon(), 0, 1));
  if (gpt->normalisation_epsilon() == 0) gpt->set_normalisation_epsilon(1e-5);
  if (gpt->positions() != ROTARY) {
    if (gpt->rotary_base() == 0) return absl::OkStatus();
    return Broken("model.gpt.rotary_base needs positions ROTARY");
  }
  if ((gpt->width() / gpt->heads()) % 2 != 0) {
    return Broken("model.gpt.positions is ROTARY, which needs an even width ",
                  "per head; width / heads is ", gpt->width() / gpt->heads());
  }
  if (gpt->rotary_base() == 0) gpt->set_rotary_base(10000);
  return CheckRange("model.gpt.rotary_base", gpt->rotary_base(), 1,
                    kMostRotaryBase);
}

}  // namespace

absl::Status CompleteGpt(GptSpec* gpt) {
  RETURN_IF_ERROR(CompleteChoices(gpt));
  RETURN_IF_ERROR(CompleteShape(gpt));
  return CompleteNumbers(gpt);
}

}  // namespace hawser
