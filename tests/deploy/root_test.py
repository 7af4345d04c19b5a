"""The image's root file system: assembled, and a cluster run from it."""

import json
import os
import subprocess
import tempfile
import time
import unittest

from tests.deploy import container, network
from tests.integration import harness

SIZE_LIMIT = 120 << 20  # bytes; 77 MiB when this was written
ASSEMBLE = "deploy/docker/assemble_root"


def assemble(root, programs=None):
    return subprocess.run([ASSEMBLE, programs or "bin", root],
                          capture_output=True, text=True, check=False)


class RootTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="hawser-test-")
        cls.root = cls.temporary.name + "/root"
        done = assemble(cls.root)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_it_is_small_and_has_no_shell(self):
        size = 0
        for folder, _, files in os.walk(self.root):
            for name in files:
                self.assertNotIn(name, ("sh", "bash", "dash", "busybox"))
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    size += os.path.getsize(path)
                    self.assertFalse(os.stat(path).st_mode & 0o6000, path)
        self.assertLess(size, SIZE_LIMIT)
        self.assertEqual(sorted(os.listdir(f"{self.root}/usr/bin")),
                         sorted(harness.PROGRAMS))

    def test_each_package_is_named_with_its_copyright(self):
        packages = os.listdir(f"{self.root}/var/lib/dpkg/status.d")
        for package in ("libc6", "libgrpc++1.51", "libdnnl2", "libsqlite3-0"):
            self.assertIn(package, packages)
        for package in packages:
            with open(f"{self.root}/var/lib/dpkg/status.d/{package}",
                      encoding="utf-8") as file:
                self.assertIn(f"Package: {package}\n", file.read())
            self.assertTrue(os.path.isfile(
                f"{self.root}/usr/share/doc/{package}/copyright"), package)

    def test_bad_arguments_are_told(self):
        again = assemble(self.root)
        self.assertEqual(again.returncode, 1)
        self.assertIn("is not empty", again.stderr)
        with tempfile.TemporaryDirectory() as empty:
            none = assemble(empty + "/root", empty)
            self.assertEqual(none.returncode, 1)
            self.assertIn("hawser is missing; run bazel build //:bin",
                          none.stderr)

    def test_the_daemons_train_from_it_as_another_user(self):
        reason = container.missing()
        if reason:
            self.skipTest(reason)
        with tempfile.TemporaryDirectory(prefix="hawser-test-") as directory:
            Cluster(self, self.root, directory).trains_the_same()


class Cluster:
    """A scheduler, a server and two workers that share one loopback."""

    def __init__(self, test, root, directory):
        self.test = test
        self.directory = directory
        self.image = container.Image(root)
        self.network = network.Network(f"hawser-{os.getpid()}")
        self.namespace, _ = self.network.add()
        self.started = []
        os.chmod(directory, 0o755)
        harness.write_idx(f"{directory}/data")
        for name in ("output", "local", "state"):
            os.mkdir(f"{directory}/{name}")
            os.chown(f"{directory}/{name}", self.image.user, self.image.group)
        with open(f"{directory}/job.textproto", "w", encoding="utf-8") as file:
            file.write(harness.JOB.format(
                name="small", sizes="16, 40, 20, 3", data="/data",
                partition="RANDOM", epochs=3, placement="BY_BLOCK", workers=2,
                servers=1, seed=3))
        self.mounts = [container.Mount(f"{directory}/{source}", target, fixed)
                       for source, target, fixed in (
                           ("data", "/data", True), ("output", "/output", False),
                           ("local", "/tmp", False),
                           ("state", "/var/lib/hawser", False),
                           ("job.textproto", "/job.textproto", True))]

    def start(self, *command):
        scratch = tempfile.mkdtemp(dir=self.directory)
        started = container.Container(
            self.image, command, network=self.namespace, mounts=self.mounts,
            environment={}, scratch=scratch, log=f"{scratch}.log")
        self.started.append(started)
        return started

    def output_of(self, *command):
        started = self.start(*command)
        status = started.process.wait(timeout=harness.DEADLINE)
        with open(started.log, encoding="utf-8") as file:
            text = file.read()
        self.test.assertEqual(status, 0, text)
        return text

    def hawser_json(self, *command):
        text = self.output_of("hawser", *command, "-o", "json")
        return json.loads(text[text.index("{"):])

    def await_answer(self, scheduler):
        limit = time.monotonic() + harness.DEADLINE
        while time.monotonic() < limit:
            status, output = scheduler.execute(["hawser", "nodes"],
                                               harness.DEADLINE)
            if status == 0:
                return
        self.test.fail(output)

    def trains_the_same(self):
        try:
            self.test.assertIn("hawser ", self.output_of("hawser", "version"))
            local = self.hawser_json("run", "/job.textproto", "--output-root",
                                     "/tmp/out", "--data-root", "/data")
            scheduler = self.start("hawser-scheduler", "--state-dir",
                                   "/var/lib/hawser")
            self.await_answer(scheduler)
            self.start("hawser-server", "--output-root", "/output")
            for _ in range(2):
                self.start("hawser-worker", "--data-root", "/data")
            job = self.hawser_json("submit", "--watch", "/job.textproto")
            self.test.assertEqual(job["parameters_sha256"],
                                  local["parameters_sha256"])
            self.test.assertTrue(os.listdir(f"{self.directory}/output/small"))
        finally:
            statuses = [started.stop(harness.DEADLINE)
                        for started in reversed(self.started)]
            self.network.close()
        self.test.assertEqual(statuses, [0] * len(statuses))


if __name__ == "__main__":
    harness.main()
