#include "server/shard_handler.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace hawser {
namespace {

class ShardHandler : public FrameHandler {
 public:
  explicit ShardHandler(ServerDriver* driver) : driver_(driver) {}

  void Handle(IncomingFrame frame) override {
    const FrameHeader& header = frame.header;
    if (shard_ == nullptr || shard_->job() != header.job || shard_->closed()) {
      shard_ = driver_->Find(header.job);
    }
    // The next frame may come as soon as this one is done.
    if (const std::shared_ptr<ParameterShard> shard = shard_) {
      shard->Handle(std::move(frame));
      return;
    }
    frame.sink->Send(ErrorFrame(
        header, absl::NotFoundError(absl::StrCat("no job ", header.job))));
    frame.done();
  }

 private:
  ServerDriver* const driver_;
  std::shared_ptr<ParameterShard> shard_;  // of the last frame
};

}  // namespace

Intake::MakeHandler ShardHandlers(ServerDriver* driver) {
  return [driver] { return std::make_unique<ShardHandler>(driver); };
}

}  // namespace hawser
