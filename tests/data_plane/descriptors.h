// How many descriptors this process has open.
#ifndef HAWSER_TESTS_DATA_PLANE_DESCRIPTORS_H_
#define HAWSER_TESTS_DATA_PLANE_DESCRIPTORS_H_

#include <filesystem>

namespace hawser {

inline int Descriptors() {
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/self/fd")) {
    count += entry.is_symlink() ? 1 : 0;
  }
  return count;
}

}  // namespace hawser

#endif  // HAWSER_TESTS_DATA_PLANE_DESCRIPTORS_H_
