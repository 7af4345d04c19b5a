// The version of every part of a cluster: they must all be the same.
#ifndef HAWSER_COMMON_VERSION_H_
#define HAWSER_COMMON_VERSION_H_

namespace hawser {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace hawser

#endif  // HAWSER_COMMON_VERSION_H_
