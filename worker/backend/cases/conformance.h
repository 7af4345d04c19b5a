// The conformance test of backends: whether their operations compute what
// lane.h says. For GoogleTest.
#ifndef HAWSER_WORKER_BACKEND_CASES_CONFORMANCE_H_
#define HAWSER_WORKER_BACKEND_CASES_CONFORMANCE_H_

#include <vector>

#include "worker/backend/backend.h"
#include "worker/backend/cases/operation_case.h"

namespace hawser {

std::vector<OperationCase> AllOperationCases();

// Expects of every case what the reference gives, and that nothing is written
// beyond a matrix. Says how many cases the backend cannot compute.
void ExpectAgreement(Backend* backend);

// What a lane did before leaves no trace. Of the cases, one in `every`.
void ExpectTheSameBitsInAnyOrder(Backend* backend, size_t every = 1);

double DotOf(const DoubleMatrix& x, const DoubleMatrix& y);
double NormOf(const DoubleMatrix& x);
DoubleMatrix DifferenceOf(const DoubleMatrix& x, const DoubleMatrix& y);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CASES_CONFORMANCE_H_
