// Two sockets of this process that are connected, for tests.
#ifndef HAWSER_COMMON_WIRE_SOCKET_PAIR_H_
#define HAWSER_COMMON_WIRE_SOCKET_PAIR_H_

#include <sys/socket.h>

#include "common/file_descriptor.h"
#include "gtest/gtest.h"

namespace hawser {

struct SocketPair {
  SocketPair() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                         ends),
              0);
    here = FileDescriptor(ends[0]);
    there = FileDescriptor(ends[1]);
  }
  FileDescriptor here;
  FileDescriptor there;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_WIRE_SOCKET_PAIR_H_
