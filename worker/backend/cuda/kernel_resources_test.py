"""nvcc compiles every kernel without a warning, none spills registers, and
what it makes of them links.
"""

import pathlib
import subprocess
import tempfile
import unittest

from tests.integration.case_report import main
from worker.backend.cuda import kernel_resources


@unittest.skipIf(kernel_resources.find_nvcc() is None,
                 "there is no nvcc on this machine")
class KernelResourcesTest(unittest.TestCase):

    def expect(self, arch):
        sources = sorted(kernel_resources.HERE.glob("*.cu.cc"))
        self.assertGreater(len(sources), 5)
        with tempfile.TemporaryDirectory() as directory:
            objects = []
            for source in sources:
                objects.append(f"{directory}/{source.name}.o")
                output = kernel_resources.compile_kernels(
                    kernel_resources.find_nvcc(), source, arch, objects[-1])
                kernels = kernel_resources.resources(output)
                self.assertTrue(kernels, output)
                for name, needs in kernels:
                    self.assertEqual(needs["spills"], 0, (source.name, name))
            self.link(objects, f"{directory}/kernels.so")

    def link(self, objects, library):
        """All of them and CUDA's runtime, with nothing that is not there."""
        nvcc = pathlib.Path(kernel_resources.find_nvcc()).resolve()
        subprocess.run(
            ["g++", "-shared", "-o", library, *objects, "-Wl,-z,defs",
             f"-L{nvcc.parents[1]}/lib64", "-lcudart"], check=True)

    def test_for_hopper(self):
        self.expect("90")

    def test_for_turing(self):
        self.expect("75")


if __name__ == "__main__":
    main()
