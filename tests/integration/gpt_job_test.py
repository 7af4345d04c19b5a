"""Whole GPT jobs: one result on every cluster, memory as predicted."""

import os
import re
import shutil
import signal

from tests.integration import harness

JOB = """name: "{name}"
model {{ gpt {{ vocabulary: 256 context: 128 layers: 2 heads: 4 {model} }} }}
data {{ text {{ files: "{text}" validation_share: 0.05 }} }}
optimizer {{ adamw {{ }} clip_global_norm: 1 }}
learning_rate {{ base: 0.003 }}
schedule {{ steps: {steps} global_batch: 8 micro_batches: {micro_batches} }}
resources {{ workers: 1 servers: 1 }}
"""


class GptJobTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        words = "in the beginning was the word and the word was with".split()
        text = " ".join(words[i * i % 11 % len(words)] for i in range(4000))
        self.text = self.write("text.txt", text)

    def gpt_job(self, name="gpt", steps=4, micro_batches=4, model="width: 32"):
        return self.write(f"{name}.textproto", JOB.format(
            name=name, steps=steps, micro_batches=micro_batches, model=model,
            text=self.text))

    def test_same_bits_on_every_cluster(self):
        for model in ("width: 32 dropout: 0.1",
                      "width: 32 positions: ROTARY normalisation: RMS_NORM "
                      "feed_forward: FEED_FORWARD_SWIGLU key_value_heads: 2 "
                      "no_biases: true untied_head: true"):
            job = self.gpt_job(model=model)
            outcomes = set()
            for workers, servers, threads in ((1, 1, 1), (2, 2, 1), (4, 1, 2),
                                              (3, 2, 1)):
                done = self.run_job(job, "--workers", str(workers), "--servers",
                                    str(servers), "--threads", str(threads))
                outcomes.add(done["parameters_sha256"])
            self.assertEqual(len(outcomes), 1, outcomes)
        self.assert_nothing_left()

    def test_a_killed_server_costs_steps_and_no_bit(self):
        job = self.gpt_job(steps=60, model="width: 32 dropout: 0.1")
        with open(job, "a", encoding="utf-8") as file:
            file.write("checkpoint { every_steps: 10 }")
        expected = self.run_job(job)["parameters_sha256"]
        shutil.rmtree(f"{self.directory}/hawser-output")
        with open(job, encoding="utf-8") as file:
            text = file.read().replace("workers: 1 servers: 1",
                                       "workers: 2 servers: 2")
        job = self.write("gpt.textproto", text)
        with self.cluster(2, 3, "--data-root", "/", "--lease-ms", "600",
                          "--heartbeat-ms", "200"):
            self.hawser("submit", job)
            self.await_that("a checkpoint", lambda: self.hawser_json(
                "job", "gpt")["checkpoint_step"] >= 10)
            serving = [node["process"] for node in self.hawser_json("nodes")
                       if node["role"] == "server" and node["job"]]
            os.kill(serving[0], signal.SIGKILL)
            self.hawser("wait", "gpt", "--timeout", "100")
            done = self.hawser_json("job", "gpt")
            self.assertEqual(done["parameters_sha256"], expected)
            self.assertIn("rolled back to step", self.hawser("logs", "gpt")[0])
        self.assert_nothing_left()

    def worker(self, *arguments):
        """Puts a worker of our own in the place of the cluster's."""
        for process in self.processes("hawser-worker"):
            os.kill(process, signal.SIGTERM)
        self.await_that("no worker",
                        lambda: not self.processes("hawser-worker"))
        return self.start("--scheduler", self.address(), "--data-root", "/",
                          *arguments, program="hawser-worker")

    def peak_mebibytes(self, process):
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
            return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) / 1024

    def test_memory_is_as_predicted(self):
        """Within a tenth, and a job that needs more is refused."""
        model = "width: 512"
        with self.cluster(1, 1, "--data-root", "/"):
            worker = self.worker("--memory-limit", "1MiB")
            self.hawser("submit", self.gpt_job("refused", model=model))
            self.hawser("wait", "refused", "--for=failed")
            refusal = self.hawser_json("job", "refused")["reason"]
            self.assertIn("--memory-limit", refusal)
            predicted = int(re.search(r"needs (\d+) MiB", refusal)[1])
            worker.send_signal(signal.SIGTERM)
            worker.communicate()
            # What the server shares would count as this process's, too.
            worker = self.worker("--memory-limit", f"{predicted}MiB",
                                 "--carriers", "tcp")
            self.hawser("submit", self.gpt_job("accepted", model=model))
            self.hawser("wait", "accepted")
            peak = self.peak_mebibytes(worker)
            worker.send_signal(signal.SIGTERM)
            worker.communicate()
        self.assertLess(abs(peak / predicted - 1), 0.1, (peak, predicted))
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
