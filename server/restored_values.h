// Where the parameters of a job go on after a roll-back: the blocks of a
// committed checkpoint (Restore in plan.proto), with all that the updates after
// it depend on. The checkpoint may have been written by another number of
// servers.
#ifndef HAWSER_SERVER_RESTORED_VALUES_H_
#define HAWSER_SERVER_RESTORED_VALUES_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "proto/plan.pb.h"
#include "server/initial_values.h"

namespace hawser {

// The checkpoint that plan.restore() names, which is below output_root. Every
// file is checked before anything out of it is used. DATA_LOSS: a file is
// damaged, or the checkpoint is of another job, step or model. NOT_FOUND,
// PERMISSION_DENIED: see checkpoint_reader.h. Errors name the file.
absl::StatusOr<std::unique_ptr<InitialValues>> OpenRestoredValues(
    const Plan& plan, const std::string& output_root);

}  // namespace hawser

#endif  // HAWSER_SERVER_RESTORED_VALUES_H_
