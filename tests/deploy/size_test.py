"""The table of docs/deploy.md#sizes against what hawser-worker itself says."""

import os
import re
import struct

from tests.integration import harness

PAGE = "docs/deploy.md"
THREADS = "2"  # as the manifests' CPU request
JOBS = {
    "MLP 784-128-10": """
        model { mlp { layer_sizes: [ 784, 128, 10 ] } }
        data { idx { directory: "images" } }
        optimizer { adam {} }
        schedule { epochs: 1 global_batch: 64 }""",
    "GPT of `./quickstart`": """
        model { gpt { vocabulary: 256 context: 128 layers: 4 heads: 4
                      width: 128 } }
        data { tokens { train: "tokens.bin" validation: "tokens.bin" } }
        optimizer { adamw {} }
        schedule { steps: 10 global_batch: 32 micro_batches: 8 }""",
    "GPT-2, 124 M": """
        model { gpt { vocabulary: 50257 context: 1024 layers: 12 heads: 12
                      width: 768 } }
        data { tokens { train: "tokens.bin" validation: "tokens.bin" } }
        optimizer { adamw {} }
        schedule { steps: 10 global_batch: 8 micro_batches: 8 }""",
    "the same, recomputed": """
        model { gpt { vocabulary: 50257 context: 1024 layers: 12 heads: 12
                      width: 768 recompute_activations: true } }
        data { tokens { train: "tokens.bin" validation: "tokens.bin" } }
        optimizer { adamw {} }
        schedule { steps: 10 global_batch: 8 micro_batches: 8 }""",
}


def table():
    """{job: MiB of a worker} as the page has it."""
    with open(PAGE, encoding="utf-8") as file:
        rows = re.findall(r"^\| ([^|]+?) \| ([0-9]+) MiB \|", file.read(),
                          re.MULTILINE)
    return {name: int(mebibytes) for name, mebibytes in rows}


class SizeTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        harness.write_idx(f"{self.directory}/images", side=28, classes=10)
        with open(f"{self.directory}/tokens.bin", "wb") as file:
            file.write(struct.pack("<H", 7) * 5000)
        port = f"{self.directory}/port"
        self.started = [self.start(
            "--listen", "127.0.0.1:0", "--state-dir", self.state,
            "--port-file", port, program="hawser-scheduler")]
        self.await_that("a scheduler", lambda: os.path.exists(port) and
                        os.path.getsize(port) != 0)
        with open(port, encoding="utf-8") as file:
            self.environment["HAWSER_SCHEDULER"] = address = file.read()
        self.started += [
            self.start("--scheduler", address, program="hawser-server"),
            self.start("--scheduler", address, "--data-root", self.directory,
                       "--threads", THREADS, "--memory-limit", "1MiB",
                       program="hawser-worker")]

    def needed(self, name, job):
        path = self.write(f"{name}.textproto", f'name: "{name}"{job}\n'
                          "        learning_rate { base: 0.001 }\n"
                          "        resources { workers: 1 servers: 1 }\n")
        self.hawser("submit", path)
        self.hawser("wait", name, "--for", "failed", "--timeout", "50")
        reason = self.hawser_json("job", name)["reason"]
        found = re.search(r"needs (?:about )?(\d+) MiB", reason)
        self.assertIsNotNone(found, reason)
        return int(found[1])

    def test_the_table_is_what_a_worker_says(self):
        needed = {name: self.needed(f"job{number}", job)
                  for number, (name, job) in enumerate(JOBS.items())}
        self.assertEqual(table(), needed)
        for process in reversed(self.started):
            process.terminate()
            process.communicate(timeout=harness.DEADLINE)
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
