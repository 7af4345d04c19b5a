"""What the suites with real processes share.

Each test works in a fresh directory with its own copy of the binaries, so that
what it leaves behind can be told: processes by their executable, sockets by
their owner, files by their place.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

from tests.integration.case_report import main  # noqa: F401, for the suites

PROGRAMS = ("hawser", "hawser-scheduler", "hawser-server", "hawser-worker")
DEADLINE = 60  # seconds until something that must happen has not


def write_idx(directory, training=300, validation=100, side=4, classes=3,
              seed=1):
    """Small images whose brightest corner tells their label."""
    rng = random.Random(seed)
    os.makedirs(directory, exist_ok=True)
    for prefix, count in (("train", training), ("t10k", validation)):
        images, labels = bytearray(), bytearray()
        for _ in range(count):
            label = rng.randrange(classes)
            pixels = [rng.randrange(120) for _ in range(side * side)]
            for i in range(side):
                pixels[label * side + i] += 120
            images += bytes(pixels)
            labels.append(label)
        with open(f"{directory}/{prefix}-images-idx3-ubyte", "wb") as file:
            file.write(struct.pack(">IIII", 0x803, count, side, side) + images)
        with open(f"{directory}/{prefix}-labels-idx1-ubyte", "wb") as file:
            file.write(struct.pack(">II", 0x801, count) + labels)


def read_safetensors(path):
    """{name: (shape, bytes)} in the order of the file."""
    with open(path, "rb") as file:
        content = file.read()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + length])
    data = content[8 + length:]
    return {name: (entry["shape"], data[slice(*entry["data_offsets"])])
            for name, entry in header.items() if name != "__metadata__"}


JOB = """name: "{name}"
model {{ mlp {{ layer_sizes: [ {sizes} ] dropout: 0.1 }} }}
data {{ idx {{ directory: "{data}" }} partition: {partition} }}
optimizer {{ adam {{}} clip_global_norm: 0.5 }}
learning_rate {{ base: 0.01 }}
schedule {{ epochs: {epochs} global_batch: 32 micro_batches: 8 }}
placement {{ policy: {placement} block_elements: 256 }}
resources {{ workers: {workers} servers: {servers} }}
seed: {seed}
"""


class ClusterTest(unittest.TestCase):
    """A directory, binaries, data, and the promise that nothing is left."""

    def setUp(self):
        source = os.path.join(os.getcwd(), "bin")
        self.directory = tempfile.mkdtemp(prefix="hawser-test-")
        self.bin = os.path.join(self.directory, "bin")
        self.tmp = os.path.join(self.directory, "tmp")
        self.data = os.path.join(self.directory, "data")
        os.makedirs(self.bin)
        os.makedirs(self.tmp)
        for program in PROGRAMS:
            shutil.copy(os.path.join(source, program), self.bin)
        write_idx(self.data)
        self.state = os.path.join(self.directory, "state")
        self.environment = dict(os.environ, TMPDIR=self.tmp,
                                HOME=self.directory)
        self.environment.pop("HAWSER_SCHEDULER", None)

    def tearDown(self):
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- Jobs ---

    def job(self, name="small", change=None, extension="textproto", **settings):
        values = dict(name=name, sizes="16, 40, 20, 3", data=self.data,
                      partition="RANDOM", epochs=3, placement="BY_BLOCK",
                      workers=2, servers=1, seed=3)
        values.update(settings)
        text = JOB.format(**values)
        if change:
            self.assertIn(change[0], text)
            text = text.replace(*change)
        return self.write(f"{name}.{extension}", text)

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    # --- Commands ---

    def start(self, *arguments, program="hawser"):
        return subprocess.Popen(
            [os.path.join(self.bin, program), *arguments], cwd=self.directory,
            env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def hawser(self, *arguments, code=0, program="hawser"):
        """Runs a command to its end; returns (stdout, stderr)."""
        process = self.start(*arguments, program=program)
        out, err = process.communicate(timeout=2 * DEADLINE)
        self.assertEqual(process.returncode, code,
                         f"{arguments}\nstdout: {out}\nstderr: {err}")
        return out, err

    def hawser_json(self, *arguments, code=0):
        return json.loads(self.hawser(*arguments, "-o", "json", code=code)[0])

    def run_job(self, path, *arguments, code=0):
        return self.hawser_json("run", path, *arguments, code=code)

    @contextlib.contextmanager
    def cluster(self, workers=2, servers=1, *arguments):
        self.hawser("up", "--state-dir", self.state, "--listen", "127.0.0.1:0",
                    "--workers", str(workers), "--servers", str(servers),
                    *arguments)
        self.environment["HAWSER_SCHEDULER"] = self.address()
        try:
            yield
        finally:
            self.environment.pop("HAWSER_SCHEDULER")
            if os.path.exists(f"{self.state}/address"):
                self.hawser("down", "--state-dir", self.state)

    def address(self):
        with open(f"{self.state}/address", encoding="utf-8") as file:
            return file.read()

    # --- What is there ---

    def processes(self, program=None):
        """Process numbers that run this test's binaries."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                exe = os.readlink(f"/proc/{entry}/exe")
                with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                    zombie = file.read().rsplit(")", 1)[1].split()[0] == "Z"
            except OSError:
                continue
            if (not zombie and exe.startswith(self.bin + "/") and
                    (program is None or exe == f"{self.bin}/{program}")):
                found.append(int(entry))
        return sorted(found)

    def await_that(self, what, condition):
        limit = time.monotonic() + DEADLINE
        while time.monotonic() < limit:
            result = condition()
            if result:
                return result
            time.sleep(0.01)
        self.fail(f"not within {DEADLINE} s: {what}")

    def assert_nothing_left(self):
        """No process (hence no port or socket), no temporary file."""
        self.await_that("all processes gone", lambda: not self.processes())
        self.assertEqual(os.listdir(self.tmp), [])

    def await_step(self, name, step):
        def reached():
            job = self.hawser_json("job", name)
            self.assertNotIn(job["state"], ("failed", "cancelled"), job)
            return job["step"] >= step
        self.await_that(f"step {step} of {name}", reached)
