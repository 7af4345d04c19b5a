"""The manifests of deploy/kubernetes, played: pods train a job to its end while
every one of them is replaced."""

import json
import os
import subprocess
import tempfile
import unittest

from tests.deploy import cluster, container, manifests
from tests.integration import harness

SECONDS = 60  # until something that must happen has not

# Of docs/deploy.md.
HOSTS = ("hawser-scheduler.hawser.svc", "*.hawser-server.hawser.svc")

JOB = """name: "played"
model { mlp { layer_sizes: [ 16, 40, 20, 3 ] dropout: 0.1 } }
data { idx { directory: "images" } }
optimizer { adam {} clip_global_norm: 0.5 }
learning_rate { base: 0.01 }
schedule { epochs: EPOCHS global_batch: 32 micro_batches: 8 }
placement { block_elements: 256 }
checkpoint { every_steps: 500 keep_last: 2 }
resources { workers: 2 servers: 2 }
seed: 3
"""


def read_all(directory, names):
    """{name: content} of the files that are there."""
    found = {}
    for name in names:
        path = os.path.join(directory, name)
        if os.path.exists(path):
            with open(path, "rb") as file:
                found[name] = file.read()
    return found


LONG = JOB.replace("EPOCHS", "300")
SHORT = JOB.replace("EPOCHS", "20")


def change_worker(objects, kind, argument):
    worker = manifests.find(objects, kind, "hawser-worker")
    [spec] = worker["spec"]["template"]["spec"]["containers"]
    name = argument.split("=")[0]
    spec["args"] = [argument, *(old for old in spec["args"]
                                if not old.startswith(name))]


def can_connect(netns, address, port):
    """Whether a process in that network gets a TCP connection."""
    return subprocess.run(
        [container.tool("nsenter"), f"--net=/run/netns/{netns}",
         "/usr/bin/python3", "-c", "import socket; socket.create_connection("
         f"('{address}', {port}), timeout=1)"],
        capture_output=True, check=False).returncode == 0


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
        self.put_secrets(f"{self.directory}/certs")

    def put_secrets(self, directory):
        """As the page tells, with kubectl."""
        subprocess.run(["bin/hawser", "certs", "--to", directory, "--hosts",
                        ",".join(HOSTS)], check=True,
                       stdout=subprocess.DEVNULL)
        for role in ("scheduler", "server", "worker", "client"):
            for name, keys in (("tls", ("tls.crt", "tls.key", "ca.crt")),
                               ("token", ("token",))):
                self.cluster.put_secret(f"hawser-{role}-{name}", read_all(
                    f"{directory}/{role}", keys))
        self.cluster.put_secret("hawser-tokens",
                                read_all(directory, ("tokens",)))

    def submit(self, job):
        objects = manifests.render("job")
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

    def start(self, objects):
        self.cluster.apply(objects)
        self.cluster.await_that("all is ready", self.cluster.is_rolled_out,
                                SECONDS)

    def local_hash(self, job):
        path = f"{self.directory}/job.textproto"
        with open(path, "w", encoding="utf-8") as file:
            file.write(job)
        done = subprocess.run(
            ["bin/hawser", "run", path, "--data-root",
             self.cluster.storage.claim("hawser-data"), "--output-root",
             f"{self.directory}/local", "-o", "json"],
            capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["parameters_sha256"]

    def test_a_job_outlives_a_rolling_restart_of_everything(self):
        objects = manifests.render("base")
        # So that the job is under way for long enough on any machine.
        change_worker(objects, "Deployment", "--micro-batch-delay-ms=2")
        self.start(objects)
        submit = self.submit(LONG)
        self.cluster.await_that("the job trains",
                                lambda: self.is_beyond("played", 100), SECONDS)
        for kind, name in (("StatefulSet", "hawser-server"),
                           ("StatefulSet", "hawser-scheduler"),
                           ("Deployment", "hawser-worker")):
            before = self.look("played")["step"]
            self.restart(kind, name)
            # A scheduler that starts is told by the members how far they are.
            self.cluster.await_that(
                "the job goes on", lambda: self.is_beyond("played", before),
                SECONDS)
            self.assertEqual(self.look("played")["state"], "running")
            self.assertNotIn("rolled back", self.job_log("played"))
        self.cluster.await_that("the job ends", submit.is_done, 2 * SECONDS)
        job = self.look("played")
        self.assertEqual(job["state"], "succeeded")
        self.assertEqual(job["parameters_sha256"], self.local_hash(LONG))

    def test_workers_of_an_indexed_job_leave_when_the_run_is_over(self):
        objects = manifests.render("overlays/worker-job")
        change_worker(objects, "Job", "--exit-when-idle-seconds=1")
        self.start(objects)
        submit = self.submit(SHORT)
        workers = self.cluster.workload("Job", "hawser-worker")
        self.cluster.await_that("the workers leave", workers.is_done, SECONDS)
        self.assertTrue(submit.is_done())
        self.assertEqual((workers.failures, submit.failures), ([], []))
        self.assertEqual(self.look("played")["parameters_sha256"],
                         self.local_hash(SHORT))

    def test_policies_let_through_what_is_needed_and_nothing_else(self):
        self.start(manifests.render("base"))
        server = self.cluster.pod("hawser-server-0")
        other = self.cluster.pod("hawser-server-1")
        scheduler = self.cluster.pod("hawser-scheduler-0")
        worker = next(pod for pod in self.cluster.pods()
                      if pod.name.startswith("hawser-worker"))
        stranger = self.cluster.add_stranger()
        for caller, peer, port, expected in (
                (worker.netns, server, 7071, True),
                (worker.netns, scheduler, 7070, True),
                (server.netns, scheduler, 7070, True),
                (server.netns, other, 7071, True),
                (scheduler.netns, server, 7071, False),
                (stranger, server, 7071, False),
                (stranger, scheduler, 7070, False)):
            with self.subTest(caller, to=peer.name):
                self.assertEqual(can_connect(caller, peer.address, port),
                                 expected)


if __name__ == "__main__":
    harness.main()
