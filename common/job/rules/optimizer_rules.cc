#include "common/job/rules/optimizer_rules.h"

#include "absl/strings/str_cat.h"
#include "common/job/rules/checks.h"
#include "common/status_macros.h"

namespace hawser {

namespace {

absl::Status CompleteAdam(absl::string_view field, AdamSpec* adam) {
  if (adam->beta1() == 0) adam->set_beta1(0.9);
  if (adam->beta2() == 0) adam->set_beta2(0.999);
  if (adam->epsilon() == 0) adam->set_epsilon(1e-8);
  RETURN_IF_ERROR(
      CheckRange(absl::StrCat(field, ".beta1"), adam->beta1(), 0, 1));
  RETURN_IF_ERROR(
      CheckRange(absl::StrCat(field, ".beta2"), adam->beta2(), 0, 1));
  return CheckNotNegative(absl::StrCat(field, ".epsilon"), adam->epsilon());
}

}  // namespace

absl::Status CompleteOptimizer(OptimizerSpec* optimizer) {
  RETURN_IF_ERROR(
      CheckNotNegative("optimizer.weight_decay", optimizer->weight_decay()));
  RETURN_IF_ERROR(CheckNotNegative("optimizer.clip_global_norm",
                                   optimizer->clip_global_norm()));
  switch (optimizer->kind_case()) {
    case OptimizerSpec::kSgd:
      RETURN_IF_ERROR(CheckRange("optimizer.sgd.momentum",
                                 optimizer->sgd().momentum(), 0, 1));
      if (optimizer->sgd().nesterov() && optimizer->sgd().momentum() == 0) {
        return Broken("optimizer.sgd.nesterov needs a momentum above 0");
      }
      return absl::OkStatus();
    case OptimizerSpec::kAdam:
      return CompleteAdam("optimizer.adam", optimizer->mutable_adam());
    case OptimizerSpec::kAdamw:
      return CompleteAdam("optimizer.adamw", optimizer->mutable_adamw());
    case OptimizerSpec::kAdagrad: {
      AdagradSpec* adagrad = optimizer->mutable_adagrad();
      if (adagrad->epsilon() == 0) adagrad->set_epsilon(1e-10);
      RETURN_IF_ERROR(
          CheckNotNegative("optimizer.adagrad.epsilon", adagrad->epsilon()));
      return CheckNotNegative("optimizer.adagrad.initial_accumulator",
                              adagrad->initial_accumulator());
    }
    case OptimizerSpec::KIND_NOT_SET:
      break;
  }
  return Broken("optimizer is not set; use one of sgd, adam, adamw, adagrad");
}

absl::Status CompleteLearningRate(LearningRateSpec* rate) {
  if (!(rate->base() > 0 && rate->base() <= kMostNumber)) {
    return Broken("learning_rate.base is ", rate->base(),
                  "; it must be a number above 0 and at most ", kMostNumber);
  }
  switch (rate->decay_case()) {
    case LearningRateSpec::kCosine:
      return CheckUpTo("learning_rate.cosine.final_ratio",
                       rate->cosine().final_ratio(), 1);
    case LearningRateSpec::kStep: {
      const StepDecay& step = rate->step();
      if ((step.every_steps() == 0) == (step.every_epochs() == 0)) {
        return Broken(
            "learning_rate.step needs exactly one of every_steps and "
            "every_epochs, above 0");
      }
      if (!(step.factor() > 0 && step.factor() <= 1)) {
        return Broken("learning_rate.step.factor is ", step.factor(),
                      "; it must be above 0 and at most 1");
      }
      return absl::OkStatus();
    }
    default:
      rate->mutable_constant();
      return absl::OkStatus();
  }
}

}  // namespace hawser
