"""nvcc compiles every kernel without a warning, and none spills registers."""

import unittest

from tests.integration.case_report import main
from worker.backend.cuda import kernel_resources


@unittest.skipIf(kernel_resources.find_nvcc() is None,
                 "there is no nvcc on this machine")
class KernelResourcesTest(unittest.TestCase):

    def expect(self, arch):
        sources = sorted(kernel_resources.HERE.glob("*.cu.cc"))
        self.assertGreater(len(sources), 5)
        for source in sources:
            output = kernel_resources.compile_kernels(
                kernel_resources.find_nvcc(), source, arch)
            kernels = kernel_resources.resources(output)
            self.assertTrue(kernels, output)
            for name, needs in kernels:
                self.assertEqual(needs["spills"], 0, (source.name, name))

    def test_for_hopper(self):
        self.expect("90")

    def test_for_turing(self):
        self.expect("75")


if __name__ == "__main__":
    main()
