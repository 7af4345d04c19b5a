"""What tests that play manifests share: a cluster, its secrets, its jobs."""

import json
import os
import subprocess
import tempfile
import unittest

from tests.deploy import cluster, manifests
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


class PlayedTest(unittest.TestCase):

    hosts = HOSTS  # of certificates
    submission = "job"  # what submits, below deploy/kubernetes

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
        self.cluster = cluster.Cluster(f"{self.directory}/pods", root,
                                       other_roots=self.make_other_roots())
        self.addCleanup(self.cluster.close)
        harness.write_idx(f"{self.cluster.storage.claim('hawser-data')}/images")
        self.put_secrets(f"{self.directory}/certs")

    def make_other_roots(self):
        """{image: root} of what is not Hawser's."""
        return {}

    def make_certificates(self, directory, hosts):
        subprocess.run(["bin/hawser", "certs", "--to", directory, "--hosts",
                        ",".join(hosts)], check=True,
                       stdout=subprocess.DEVNULL)

    def put_tls(self, secret, directory):
        self.cluster.put_secret(secret, read_all(
            directory, ("tls.crt", "tls.key", "ca.crt")))

    def put_secrets(self, directory):
        """As the page tells, with kubectl."""
        self.make_certificates(directory, self.hosts)
        for role in ("scheduler", "server", "worker", "client"):
            self.put_tls(f"hawser-{role}-tls", f"{directory}/{role}")
            self.cluster.put_secret(f"hawser-{role}-token", read_all(
                f"{directory}/{role}", ("token",)))
        self.cluster.put_secret("hawser-tokens",
                                read_all(directory, ("tokens",)))

    def submit(self, job):
        objects = manifests.render(self.submission)
        config_map = manifests.find(objects, "ConfigMap")[0]
        config_map["data"] = {"job.textproto": job}
        self.cluster.apply(objects)
        return self.cluster.workload("Job", "hawser-submit")

    def at_a_scheduler(self, *arguments):
        """`hawser` in a pod of it: (exit status, output)."""
        pod = next((pod for pod in self.cluster.pods()
                    if pod.name.startswith("hawser-scheduler-") and
                    pod.ready_since is not None), None)
        if pod is None:
            return 3, "no scheduler is ready"
        return pod.execute(["hawser", *arguments])

    def look(self, job):
        """The job's status, or None while nobody answers."""
        status, text = self.at_a_scheduler("job", job, "-o", "json")
        return json.loads(text) if status == 0 else None

    def job_log(self, job):
        status, text = self.at_a_scheduler("logs", job)
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
