// What the event log says of a new plan.
//
// Pure.
#ifndef HAWSER_SCHEDULER_STATE_PLAN_LINE_H_
#define HAWSER_SCHEDULER_STATE_PLAN_LINE_H_

#include <string>

#include "proto/plan.pb.h"

namespace hawser {

std::string PlanLine(const Plan& plan);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_PLAN_LINE_H_
