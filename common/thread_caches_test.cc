// The program that starts anew is this one, with arguments.
#include "common/thread_caches.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

std::string OutputOf(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  for (int c = 0; pipe != nullptr && (c = std::fgetc(pipe)) != EOF;) {
    output.push_back(static_cast<char>(c));
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

// Its process, how glibc was told, its arguments.
std::string Started(const std::string& environment) {
  return OutputOf(absl::StrCat("env -u GLIBC_TUNABLES ", environment,
                               " sh -c 'echo $$; exec /proc/", getpid(),
                               "/exe start \"an argument\"'"));
}

TEST(ThreadCaches, TheSameProcessStartsAnewWithTheSameArguments) {
  const std::string output = Started("");
  const std::string process = output.substr(0, output.find('\n'));
  EXPECT_EQ(output, absl::StrCat(process, "\n", process,
                                 "|glibc.malloc.tcache_max=256|an argument\n"));
}

TEST(ThreadCaches, OtherTunablesStay) {
  EXPECT_NE(Started("GLIBC_TUNABLES=glibc.malloc.perturb=1")
                .find("|glibc.malloc.perturb=1:glibc.malloc.tcache_max=256|"),
            std::string::npos);
}

TEST(ThreadCaches, WhatTheEnvironmentSaysOfThemHolds) {
  EXPECT_NE(Started("GLIBC_TUNABLES=glibc.malloc.tcache_count=3")
                .find("|glibc.malloc.tcache_count=3|"),
            std::string::npos);
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "start") {
    hawser::LimitThreadCaches(argv);
    std::printf("%d|%s|%s\n", getpid(), getenv("GLIBC_TUNABLES"), argv[2]);
    return 0;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
