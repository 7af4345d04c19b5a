#include "tests/simulation/setup.h"

#include <algorithm>

namespace hawser::simulation {

bool HasOneResult(const Setup& setup) {
  const UpdateMode mode = setup.spec.synchronisation().mode();
  return (mode == SYNCHRONOUS || mode == UPDATE_MODE_UNSPECIFIED) &&
         std::none_of(setup.faults.begin(), setup.faults.end(),
                      [](const Fault& fault) {
                        return fault.kind == Fault::Kind::kSet;
                      });
}

}  // namespace hawser::simulation
