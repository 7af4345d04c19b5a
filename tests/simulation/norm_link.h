// Carries gradient norms between the simulated servers: delayed, lost,
// repeated.
#ifndef HAWSER_TESTS_SIMULATION_NORM_LINK_H_
#define HAWSER_TESTS_SIMULATION_NORM_LINK_H_

#include <string>

#include "server/parameter_shard.h"
#include "tests/simulation/directory.h"
#include "tests/simulation/network.h"

namespace hawser::simulation {

class NormLink : public NormCarrier {
 public:
  // The pointers outlive the link.
  NormLink(Network* network, const Directory* directory, Process* server)
      : network_(network), directory_(directory), server_(server) {}

  void Send(const std::string& address,
            const ShareNormsRequest& norms) override {
    const Directory::Server* peer = &directory_->servers.at(address);
    network_->Notify(server_, peer->process, [network = network_, peer, norms] {
      network->world().log->Note(peer->process->name(), "norms",
                                 {{"step", norms.step()}});
      peer->driver->ReceiveNorms(norms).IgnoreError();
    });
  }

 private:
  Network* const network_;
  const Directory* const directory_;
  Process* const server_;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_NORM_LINK_H_
