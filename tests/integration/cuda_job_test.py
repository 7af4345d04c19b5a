"""Whole jobs in real clusters whose workers compute on an emulated GPU."""

import os
import shutil

from tests.integration import harness

GPT = """name: "gpt"
model {{ gpt {{ vocabulary: 256 context: 32 layers: 2 heads: 2 width: 16 }} }}
data {{ text {{ files: "{text}" validation_share: 0.05 }} }}
optimizer {{ adamw {{ }} clip_global_norm: 1 }}
learning_rate {{ base: 0.003 }}
schedule {{ steps: 12 global_batch: 8 micro_batches: 4 }}
resources {{ workers: {workers} servers: 1 }}
"""


class CudaJobTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        shutil.copy(
            os.path.join(os.getcwd(),
                         "tests/cuda_emulation/hawser-worker-emulated"),
            os.path.join(self.bin, "hawser-worker"))

    def both(self, job, *arguments):
        """The job's end on CPUs and on emulated GPUs."""
        ends = []
        for device in ("cpu", "cuda:0"):
            ends.append(self.run_job(job, "--devices", device, *arguments))
            shutil.rmtree(f"{self.directory}/hawser-output")
        return ends

    def test_an_mlp_learns_as_on_cpus(self):
        cpu, gpu = self.both(self.job(epochs=2))
        self.assertAlmostEqual(gpu["validation"]["loss"],
                               cpu["validation"]["loss"],
                               delta=1e-3)
        again = self.run_job(self.job(epochs=2), "--devices", "cuda:0",
                             "--workers", "1")
        self.assertEqual(again["parameters_sha256"], gpu["parameters_sha256"])
        self.assert_nothing_left()

    def test_a_gpt_learns_as_on_cpus(self):
        words = "in the beginning was the word and the word was with".split()
        text = self.write("text.txt", " ".join(
            words[i * i % 11 % len(words)] for i in range(1500)))
        job = self.write("gpt.textproto", GPT.format(text=text, workers=2))
        cpu, gpu = self.both(job)
        self.assertAlmostEqual(gpu["validation"]["loss"],
                               cpu["validation"]["loss"],
                               delta=1e-3)
        self.assert_nothing_left()

    def test_cpus_and_gpus_share_an_asynchronous_job(self):
        job = self.job(epochs=2, change=(
            "seed:", "synchronisation { mode: ASYNCHRONOUS }\nseed:"))
        done = self.run_job(job, "--devices", "cpu,cuda:0", "--workers", "2")
        self.assertLess(done["validation"]["loss"], 0.1)
        self.assert_nothing_left()

    def test_a_lost_device_ends_its_worker_and_not_its_job(self):
        job = self.job(epochs=2)
        expected = self.run_job(job, "--devices", "cuda:0", "--workers", "1")
        shutil.rmtree(f"{self.directory}/hawser-output")
        with self.cluster(1, 1, "--data-root", "/", "--devices", "cuda:0"):
            self.environment["HAWSER_EMULATED_OPERATIONS"] = "900"
            lost = self.start("--scheduler", self.address(), "--data-root",
                              "/", "--device", "cuda:0",
                              program="hawser-worker")
            self.await_that("two workers", lambda: 2 == sum(
                n["role"] == "worker" for n in self.hawser_json("nodes")))
            self.hawser("submit", job)
            err = lost.communicate(timeout=harness.DEADLINE)[1]
            self.assertEqual(lost.returncode, 1, err)
            self.assertIn("the device is lost", err)
            self.hawser("wait", "small", "--timeout", "100")
            done = self.hawser_json("job", "small")
            self.assertEqual(done["parameters_sha256"],
                             expected["parameters_sha256"])
        self.assert_nothing_left()

    def test_a_device_that_is_not_there_is_an_error_at_once(self):
        err = self.hawser("--device", "cuda:7", program="hawser-worker",
                          code=1)[1]
        self.assertIn("there is no GPU 7", err)
        err = self.hawser("--device", "gpu", program="hawser-worker",
                          code=1)[1]
        self.assertIn("use cpu, or cuda:N", err)


if __name__ == "__main__":
    harness.main()
