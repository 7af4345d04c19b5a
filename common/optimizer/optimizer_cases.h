// What the optimizers' tests share: the cases by name, and the figures for them
// in tests/golden/optimizer.txt (that script says what the figures are).
#ifndef HAWSER_COMMON_OPTIMIZER_OPTIMIZER_CASES_H_
#define HAWSER_COMMON_OPTIMIZER_OPTIMIZER_CASES_H_

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/job.pb.h"

namespace hawser {

inline std::map<std::string, OptimizerSpec> OptimizerCases() {
  std::map<std::string, OptimizerSpec> cases;
  const auto add = [&cases](const std::string& name, double weight_decay) {
    cases[name].set_weight_decay(weight_decay);
    return &cases[name];
  };
  const auto adam = [](double beta1, double beta2, double epsilon) {
    AdamSpec spec;
    spec.set_beta1(beta1);
    spec.set_beta2(beta2);
    spec.set_epsilon(epsilon);
    return spec;
  };
  add("sgd", 0)->mutable_sgd();
  add("sgd_decay", 0.05)->mutable_sgd();
  add("momentum", 0.05)->mutable_sgd()->set_momentum(0.9);
  SgdSpec* nesterov = add("nesterov", 0.05)->mutable_sgd();
  nesterov->set_momentum(0.8);
  nesterov->set_nesterov(true);
  *add("adam", 0)->mutable_adam() = adam(0.9, 0.999, 1e-8);
  *add("adam_decay", 0.05)->mutable_adam() = adam(0.8, 0.95, 1e-4);
  *add("adamw", 0.05)->mutable_adamw() = adam(0.9, 0.999, 1e-8);
  AdagradSpec* adagrad = add("adagrad", 0.05)->mutable_adagrad();
  adagrad->set_epsilon(1e-10);
  adagrad->set_initial_accumulator(0.1);
  return cases;
}

// The figures of each line, by its first two words ("float64 adam").
inline std::map<std::string, std::vector<double>> OptimizerGolden() {
  std::ifstream file("tests/golden/optimizer.txt");
  EXPECT_TRUE(file.good()) << "run the test with bazel, which brings the file";
  std::map<std::string, std::vector<double>> golden;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string kind, name;
    words >> kind >> name;
    std::vector<double>& figures = golden[kind + " " + name];
    for (double value = 0; words >> value;) figures.push_back(value);
  }
  return golden;
}

}  // namespace hawser

#endif  // HAWSER_COMMON_OPTIMIZER_OPTIMIZER_CASES_H_
