// A data set that a simulation can afford: IDX files of 2x2 pixels in three
// classes.
#ifndef HAWSER_TESTS_SIMULATION_TINY_DATA_H_
#define HAWSER_TESTS_SIMULATION_TINY_DATA_H_

#include <cstdint>
#include <string>

namespace hawser::simulation {

inline constexpr uint32_t kTrainingSamples = 61;
inline constexpr uint32_t kValidationSamples = 10;
inline constexpr uint32_t kFeatures = 4;
inline constexpr uint32_t kClasses = 3;

// Writes the four files into an existing directory. The same bytes every time.
void WriteTinyData(const std::string& directory,
                   uint32_t training_samples = kTrainingSamples,
                   uint32_t validation_samples = kValidationSamples);

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_TINY_DATA_H_
