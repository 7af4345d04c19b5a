// Both ends of every carrier of the data plane, for tests that run over all of
// them.
#ifndef HAWSER_TESTS_DATA_PLANE_CARRIERS_H_
#define HAWSER_TESTS_DATA_PLANE_CARRIERS_H_

#include <memory>
#include <string>
#include <vector>

#include "client/data_plane/parameter_channel.h"
#include "common/grpc/grpc_listener.h"
#include "common/shared_memory.h"
#include "grpcpp/grpcpp.h"
#include "server/direct_streams.h"
#include "server/intake.h"
#include "server/local_listener.h"
#include "server/server_driver.h"

namespace hawser {

enum class Carrier {
  kInProcess,
  kSharedMemory,
  kUnixSocket,
  kDirect,
  kTcp,
  kTls
};

inline constexpr Carrier kAllCarriers[] = {
    Carrier::kInProcess, Carrier::kSharedMemory, Carrier::kUnixSocket,
    Carrier::kDirect,    Carrier::kTcp,          Carrier::kTls};

std::string CarrierName(Carrier carrier);

// The client's end. address: as CarrierServer::address; not for kInProcess.
std::unique_ptr<ParameterChannel> ConnectByCarrier(Carrier carrier,
                                                   const std::string& address,
                                                   const SharedMemory* memory);

// The server's end of one carrier.
class CarrierServer {
 public:
  // driver and intake outlive it, and the channels of kInProcess.
  CarrierServer(Carrier carrier, ServerDriver* driver, Intake* intake);
  ~CarrierServer();

  // memory: what payloads may be allocated from; may be null.
  std::unique_ptr<ParameterChannel> Connect(const SharedMemory* memory);

  const std::string& address() const { return address_; }

 private:
  const Carrier carrier_;
  ServerDriver* const driver_;
  Intake* const intake_;
  std::string address_;
  std::unique_ptr<grpc::Service> service_;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<LocalListener> local_;
  std::unique_ptr<DirectStreams> direct_;
  std::unique_ptr<GrpcListener> direct_listener_;
};

}  // namespace hawser

#endif  // HAWSER_TESTS_DATA_PLANE_CARRIERS_H_
