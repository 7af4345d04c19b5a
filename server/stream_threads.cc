#include "server/stream_threads.h"

#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace hawser {

StreamThreads::~StreamThreads() {
  absl::MutexLock lock(&mutex_);
  for (const auto& stream : streams_) stream->Stop();
  mutex_.Await(absl::Condition(this, &StreamThreads::IsEmpty));
}

absl::Status StreamThreads::Start(std::shared_ptr<Stream> stream) {
  // Until then a stream that is over does not leave.
  absl::MutexLock lock(&mutex_);
  try {
    std::thread([this, stream]() mutable {
      stream->Run();
      absl::MutexLock leave(&mutex_);
      streams_.erase(stream);
      stream.reset();
    }).detach();
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a stream gets no thread: ", error.what(),
                     "; raise the limit on tasks or processes"));
  }
  streams_.insert(std::move(stream));
  return absl::OkStatus();
}

}  // namespace hawser
