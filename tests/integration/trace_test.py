"""hawser trace, on real clusters, read by Python's own JSON reader."""

import collections
import json
import os
import signal

from tests.integration import harness

JOB = """name: "{name}"
model {{ gpt {{ vocabulary: 256 context: 32 layers: 2 heads: 2 width: 32 }} }}
data {{ text {{ files: "{text}" validation_share: 0.05 }} }}
optimizer {{ adamw {{ }} clip_global_norm: 1 }}
learning_rate {{ base: 0.003 }}
schedule {{ steps: 1000000 global_batch: 8 micro_batches: 4 }}
placement {{ block_elements: 4096 }}
resources {{ workers: 2 servers: 2 }}
{more}
"""
FLOATS = 4  # bytes


class TraceTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        words = "in the beginning was the word and the word was with".split()
        text = " ".join(words[i * i % 11 % len(words)] for i in range(4000))
        self.text = self.write("text.txt", text)

    def start_job(self, name="gpt", more=""):
        self.hawser("submit", self.write(
            f"{name}.textproto",
            JOB.format(name=name, text=self.text, more=more)))
        self.hawser("wait", name, "--for=running")
        # Until its speed is known.
        self.await_step(name, 50)

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def spans(self, trace):
        return [e for e in trace["traceEvents"] if e["ph"] == "X"]

    def check_nesting(self, trace):
        """Of two spans of a thread one is in the other, or they are apart."""
        threads = collections.defaultdict(list)
        for span in self.spans(trace):
            self.assertGreaterEqual(span["dur"], 0)
            self.assertGreaterEqual(span["ts"], 0)
            # In whole nanoseconds, so that nothing is rounded.
            begin = round(span["ts"] * 1000)
            threads[span["pid"], span["tid"]].append(
                (begin, -(begin + round(span["dur"] * 1000)), span["name"]))
        for spans in threads.values():
            open_ends = []
            for begin, end, name in sorted(spans):
                while open_ends and open_ends[-1] <= begin:
                    open_ends.pop()
                if open_ends:
                    self.assertLessEqual(-end, open_ends[-1], name)
                open_ends.append(-end)

    def check_complete(self, trace, steps, plan):
        """Each step has all of its spans, for each layer, block and worker."""
        processes = {e["pid"]: e["args"]["name"]
                     for e in trace["traceEvents"]
                     if e["name"] == "process_name"}
        workers = [p for p, name in processes.items() if "worker" in name]
        self.assertEqual(len(workers), 2)
        self.assertEqual(len(processes), 4)
        seen = collections.Counter()
        for span in self.spans(trace):
            arguments = span["args"]
            what = span["name"].split(" block ")[0]
            if "layer" in arguments:
                what = what.removesuffix(" " + arguments["layer"])
            part = arguments.get("block", arguments.get("layer"))
            other = arguments.get("node")
            server_side = what in ("aggregate", "answer", "optimizer")
            worker = other if server_side else span["pid"]
            seen[what, arguments["step"], part, worker] += 1
        layers = list(dict.fromkeys(block["layer"] for block in plan))
        for step in steps:
            for worker in workers:
                self.assertIn(("step", step, None, worker),
                              {(k[0].split()[0], *k[1:]) for k in seen})
                # Two micro-batches a worker.
                for layer in layers:
                    where = (step, layer, worker)
                    if layer == layers[-1]:
                        self.assertEqual(
                            seen["forward, loss, backward", *where], 2)
                    else:
                        self.assertEqual(seen["forward", *where], 2)
                        self.assertEqual(seen["backward", *where], 2)
                    self.assertEqual(seen["await pull", *where], 2)
                for block in range(len(plan)):
                    where = (step, block, worker)
                    for what in ("push", "aggregate", "answer", "receive"):
                        # The parameters of the first step were on their way
                        # before it was traced.
                        self.assertEqual(seen[what, *where], 1,
                                         (what, *where))
            for block in range(len(plan)):
                self.assertEqual(seen["optimizer", step, block, None], 1)

    def check_flows(self, trace, steps, blocks):
        """An arrow ends where another began, and not before."""
        begins, ends = {}, {}
        for event in trace["traceEvents"]:
            if event["ph"] == "s":
                begins[event["id"]] = event
            elif event["ph"] == "f":
                ends[event["id"]] = event
        self.assertEqual(set(begins), set(ends))
        pushes = [i for i, e in begins.items() if e["name"] == "push"]
        self.assertEqual(len(pushes), steps * blocks * 2)
        versions = [i for i, e in begins.items() if e["name"] == "new version"]
        self.assertEqual(len(versions), (steps - 1) * blocks * 2)
        for arrow in begins:
            # All on one machine, so by one clock.
            self.assertLessEqual(begins[arrow]["ts"], ends[arrow]["ts"])

    def test_a_trace_of_a_gpt_is_whole(self):
        with self.cluster(2, 2, "--data-root", "/"):
            self.start_job()
            before = self.hawser_json("job", "gpt")
            path = f"{self.directory}/out.json"
            summary = self.hawser_json("trace", "gpt", "--steps", "4", "--to",
                                       path)
            self.assertEqual(summary["gaps"], [])
            self.assertEqual(summary["steps"], 4)
            first = summary["first_step"]
            self.assertGreater(first, before["step"])
            trace = self.read(path)
            plan = self.layers_of_blocks("gpt")
            self.check_nesting(trace)
            self.check_complete(trace, range(first, first + 4), plan)
            self.check_flows(trace, 4, len(plan))
            self.check_shares(summary, trace)
            # Nothing has changed for the job, and nothing is recorded now.
            after = self.hawser_json("job", "gpt")
            self.assertEqual(after["state"], "running")
            log = self.hawser("logs", "gpt")[0]
            self.assertEqual(log.count("running"), 1)
            # As people see it, on stdout and to the default file.
            out, err = self.hawser("trace", "gpt", "--steps", "2")
            self.assertIn("NOT COMPUTE %", out)
            self.assertIn("was not compute", out)
            self.assertIn("gpt.trace.json", err)
            self.read(f"{self.directory}/gpt.trace.json")
            out, err = self.hawser("trace", "gpt", "--steps", "1", "--to", "-")
            self.check_nesting(json.loads(out))
            self.assertIn("NOT COMPUTE %", err)
            self.hawser("cancel", "gpt")
        self.assert_nothing_left()

    def layers_of_blocks(self, name):
        """[{"layer": name}] by block, from what the job says of itself."""
        table = self.hawser("job", name, "--placement")[0]
        blocks = self.hawser_json("job", name, "--placement")["placement"]
        shape = []
        for line in table.splitlines():
            fields = line.split()
            if len(fields) >= 4 and fields[0].isdigit():
                shape.append({"layer": fields[1]})
        self.assertEqual(len(shape), len(blocks), table)
        return shape

    def check_shares(self, summary, trace):
        """The figure for what is not compute, worked out another way."""
        by_worker = collections.defaultdict(dict)
        compute = collections.Counter()
        for span in self.spans(trace):
            key = span["pid"], span["args"]["step"]
            if span["cat"] == "step":
                by_worker[span["pid"]][key[1]] = span
            elif span["cat"] == "compute":
                compute[key] += span["dur"]
        shares = []
        for worker, steps in by_worker.items():
            for step, span in steps.items():
                following = steps.get(step + 1)
                length = (following["ts"] - span["ts"] if following
                          else span["dur"])
                shares.append(1 - compute[worker, step] / length)
        figure = summary["not_compute"]
        self.assertAlmostEqual(figure["min"], min(shares), 6)
        self.assertAlmostEqual(figure["max"], max(shares), 6)
        for member in summary["members"]:
            if member["role"] == "worker":
                parts = sum(share["median"]
                            for share in member["shares"].values())
                self.assertAlmostEqual(parts, 1, 0)

    def test_leased_work_is_traced_too(self):
        with self.cluster(2, 2, "--data-root", "/"):
            for name, more in (
                    ("leased", "scheduling { policy: DYNAMIC }"),
                    ("async", "synchronisation { mode: ASYNCHRONOUS }")):
                self.start_job(name, more)
                path = f"{self.directory}/{name}.json"
                self.hawser("trace", name, "--steps", "3", "--to", path)
                trace = self.read(path)
                self.check_nesting(trace)
                kinds = collections.Counter(
                    span["cat"] for span in self.spans(trace))
                for kind in ("step", "compute", "push", "pull", "optimizer"):
                    self.assertGreater(kinds[kind], 0, (name, kind))
                self.hawser("cancel", name)
                self.hawser("wait", name, "--for=cancelled")
        self.assert_nothing_left()

    def test_what_cannot_be_traced(self):
        with self.cluster(2, 2, "--data-root", "/"):
            _, err = self.hawser("trace", "nobody", code=4)
            self.assertIn("nobody", err)
            self.start_job()
            _, err = self.hawser("trace", "gpt", "--to", "-", "-o", "json",
                                 code=2)
            self.assertIn("stdout", err)
            self.hawser("trace", "gpt", "--steps", "0", code=2)
            # One at a time: this one goes on for as long as it may.
            first = self.start("trace", "gpt", "--steps", "1000")
            self.await_that("the first records",
                            lambda: "records" in first.stderr.readline())
            _, err = self.hawser("trace", "gpt", code=1)
            self.assertIn("already", err)
            # A worker that dies meanwhile is missing, and the trace says so.
            os.kill(self.processes("hawser-worker")[0], signal.SIGKILL)
            self.hawser("cancel", "gpt")
            self.hawser("wait", "gpt", "--for=cancelled")
            _, err = first.communicate(timeout=harness.DEADLINE)
            self.assertEqual(first.returncode, 0, err)
            self.assertIn("is missing: it", err)
            self.check_nesting(self.read(f"{self.directory}/gpt.trace.json"))
            _, err = self.hawser("trace", "gpt", code=1)
            self.assertIn("is cancelled", err)
        self.hawser("trace", "gpt", "--scheduler", "127.0.0.1:1", code=3)
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
