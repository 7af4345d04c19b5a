"""The manifests of deploy/kubernetes, played: pods train a job to its end while
every one of them is replaced."""

import json
import os
import subprocess
import tempfile
import unittest

from tests.deploy import cluster, flags, manifests
from tests.integration import harness

SECONDS = 60  # until something that must happen has not

JOB = """name: "played"
model { mlp { layer_sizes: [ 16, 40, 20, 3 ] dropout: 0.1 } }
data { idx { directory: "images" } }
optimizer { adam {} clip_global_norm: 0.5 }
learning_rate { base: 0.01 }
schedule { epochs: 300 global_batch: 32 micro_batches: 8 }
placement { block_elements: 256 }
checkpoint { every_steps: 500 keep_last: 2 }
resources { workers: 2 servers: 2 }
seed: 3
"""


def slow_down(objects):
    """So that the job is under way for long enough on any machine."""
    worker = manifests.find(objects, "Deployment", "hawser-worker")
    [container] = worker["spec"]["template"]["spec"]["containers"]
    container["args"].append("--micro-batch-delay-ms=2")


class PlayTest(unittest.TestCase):

    def setUp(self):
        reason = cluster.missing()
        if reason:
            self.skipTest(reason)
        temporary = tempfile.TemporaryDirectory(prefix="hawser-test-")
        self.addCleanup(temporary.cleanup)
        self.directory = temporary.name
        os.chmod(self.directory, 0o755)
        root = f"{self.directory}/root"
        subprocess.run(["deploy/docker/assemble_root", "bin", root],
                       check=True)
        os.mkdir(f"{self.directory}/pods")
        self.cluster = cluster.Cluster(f"{self.directory}/pods", root)
        self.addCleanup(self.cluster.close)
        harness.write_idx(f"{self.cluster.storage.claim('hawser-data')}/images")
        for role in ("scheduler", "server", "worker", "client"):
            self.cluster.put_secret(f"hawser-{role}-tls", {})
            self.cluster.put_secret(f"hawser-{role}-token", {})
        self.cluster.put_secret("hawser-tokens", {})

    def submit(self, job):
        objects = flags.fit(manifests.render("job"))
        config_map = manifests.find(objects, "ConfigMap")[0]
        config_map["data"] = {"job.textproto": job}
        self.cluster.apply(objects)
        return self.cluster.workload("Job", "hawser-submit")

    def look(self, job):
        """The job's status, or None while nobody answers."""
        status, text = self.cluster.pod("hawser-scheduler-0").execute(
            ["hawser", "job", job, "-o", "json"])
        return json.loads(text) if status == 0 else None

    def job_log(self, job):
        status, text = self.cluster.pod("hawser-scheduler-0").execute(
            ["hawser", "logs", job])
        self.assertEqual(status, 0, text)
        return text

    def is_beyond(self, job, step):
        status = self.look(job)
        return status is not None and status["step"] >= step

    def restart(self, kind, name):
        self.cluster.restart(kind, name)
        self.cluster.await_that(f"{name} is rolled out",
                                self.cluster.is_rolled_out, SECONDS)

    def local_hash(self):
        path = f"{self.directory}/job.textproto"
        with open(path, "w", encoding="utf-8") as file:
            file.write(JOB)
        done = subprocess.run(
            ["bin/hawser", "run", path, "--data-root",
             self.cluster.storage.claim("hawser-data"), "--output-root",
             f"{self.directory}/local", "-o", "json"],
            capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["parameters_sha256"]

    def test_a_job_outlives_a_rolling_restart_of_everything(self):
        objects = flags.fit(manifests.render("base"))
        slow_down(objects)
        self.cluster.apply(objects)
        self.cluster.await_that("all is ready", self.cluster.is_rolled_out,
                                SECONDS)
        submit = self.submit(JOB)
        self.cluster.await_that("the job trains",
                                lambda: self.is_beyond("played", 100), SECONDS)
        for kind, name in (("StatefulSet", "hawser-server"),
                           ("StatefulSet", "hawser-scheduler"),
                           ("Deployment", "hawser-worker")):
            before = self.look("played")["step"]
            self.restart(kind, name)
            job = self.look("played")
            self.assertEqual(job["state"], "running")
            self.assertGreaterEqual(job["step"], before)
            self.assertNotIn("rolled back", self.job_log("played"))
        self.cluster.await_that("the job ends", submit.is_done, 2 * SECONDS)
        job = self.look("played")
        self.assertEqual(job["state"], "succeeded")
        self.assertEqual(job["parameters_sha256"], self.local_hash())


if __name__ == "__main__":
    harness.main()
