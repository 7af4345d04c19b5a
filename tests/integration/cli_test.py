"""The command line, verb by verb, on a cluster of real processes."""

import hashlib
import os
import subprocess

from tests.integration import harness

VERBS = ("run", "up", "down", "submit", "jobs", "job", "watch", "logs",
         "cancel", "set", "drain", "wait", "nodes", "checkpoints", "verify",
         "export",
         "generate", "eval", "audit", "trace", "version", "completion")


class CliTest(harness.ClusterTest):

    def test_the_life_of_a_job(self):
        with self.cluster(4, 2):
            nodes = self.hawser_json("nodes")
            self.assertEqual(sorted(node["role"] for node in nodes),
                             ["server"] * 2 + ["worker"] * 4)
            # Two jobs at once.
            self.hawser("submit", self.job("one", servers=2))
            out, err = self.hawser("submit", self.job("two", servers=2),
                                   "--watch")
            self.assertIn("job two succeeded", out)
            self.assertIn("epoch 3/3", err)
            self.hawser("wait", "one")
            self.assertIn("job one succeeded", self.hawser("watch", "one")[0])
            one, two = self.hawser_json("jobs")
            self.assertEqual(one["parameters_sha256"],
                             two["parameters_sha256"])
            job = self.hawser_json("job", "one")
            self.assertEqual((job["state"], job["step"], job["epoch"]),
                             ("succeeded", 30, 3))
            for part in ("training", "validation"):
                self.assertIn("loss", job[part])
                self.assertIn("accuracy", job[part])
            self.assertEqual(len(job["parameters_sha256"]), 64)
            self.assertTrue(os.path.isdir(job["output"]))
            self.assertIn("succeeded", self.hawser("job", "one")[0])
            self.assertIn("layers.0", self.hawser("job", "one",
                                                  "--placement")[0])
            log = self.hawser("logs", "one")[0]
            for line in ("accepted", "running", "epoch 3/3", "checkpoint",
                         "succeeded"):
                self.assertIn(line, log)
            self.check_export(job)
        self.assert_nothing_left()

    def check_export(self, job):
        target = f"{self.directory}/exported"
        self.hawser("export", "one", "--to", target)
        tensors = harness.read_safetensors(f"{target}/model.safetensors")
        self.assertEqual({name: shape for name, (shape, _) in tensors.items()},
                         {"layers.0.weight": [40, 16], "layers.0.bias": [40],
                          "layers.1.weight": [20, 40], "layers.1.bias": [20],
                          "layers.2.weight": [3, 20], "layers.2.bias": [3]})
        digest = hashlib.sha256(b"".join(data for _, data in tensors.values()))
        self.assertEqual(digest.hexdigest(), job["parameters_sha256"])
        # Damage is noticed and named.
        name = next(name for name in os.listdir(job["output"])
                    if name.startswith("server-0"))
        with open(f"{job['output']}/{name}", "r+b") as file:
            file.seek(-100, os.SEEK_END)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 4]))
        _, err = self.hawser("export", "one", "--to", target, code=1)
        self.assertIn(name, err)
        self.assertIn("damaged", err)

    def test_cancel_and_what_waits(self):
        with self.cluster(2, 1):
            self.hawser("submit", self.job("long", epochs=100000))
            next_job = self.job("next")
            self.hawser("submit", next_job)
            _, err = self.hawser("submit", next_job, code=2)
            self.assertIn("exists already", err)
            self.hawser("submit", next_job, "--unless-exists")
            self.hawser("wait", "long", "--for", "running")
            self.assertEqual(self.hawser_json("job", "next")["state"],
                             "queued")
            self.hawser("cancel", "long")
            self.hawser("wait", "long", "--for", "cancelled")
            self.hawser("submit", next_job, "--unless-exists", "--watch")
            self.assertEqual(self.hawser_json("job", "next")["state"],
                             "succeeded")
            _, err = self.hawser("cancel", "long", code=1)
            self.assertIn("has ended already", err)
            _, err = self.hawser("up", "--state-dir", self.state, code=1)
            self.assertIn("runs already", err)
        self.assert_nothing_left()

    def test_audit_finds_the_history_of_a_job(self):
        with self.cluster(2, 2):
            _, err = self.hawser("audit", "one", code=4)
            self.assertIn("one", err)
            self.hawser("submit", self.job("one", servers=2), "--watch")
            _, err = self.hawser("audit", "one", code=4)
            self.assertIn("synchronisation { audit: true }", err)
            output = self.hawser_json("job", "one")["output"]
            history = os.path.join(os.path.dirname(output), "audit")
            self.write_history(history, "one", 0, "J 0 7 0\nR 0 7 0 0 -\n")
            _, err = self.hawser("audit", "one", code=4)
            self.assertIn("has 2 servers", err)
            self.write_history(history, "one", 1, "")
            self.assertIn("no violation", self.hawser("audit", "one")[0])
            # One that has no checkpoint, nor ever will.
            self.hawser("submit", self.job("large", workers=9))
            _, err = self.hawser("audit", "large", code=4)
            self.assertIn("no checkpoint yet", err)
            self.assertIn("--from", err)
        _, err = self.hawser("audit", "one", "--scheduler", "127.0.0.1:1",
                             code=3)
        self.hawser("audit", "one", "--from", history)
        self.assert_nothing_left()

    def test_audit_of_every_mode(self):
        dynamic = "scheduling { policy: DYNAMIC }"
        modes = {
            "synchronous": ("", ""),
            "leased": ("", dynamic),
            "asynchronous": ("mode: ASYNCHRONOUS", ""),
            "bounded": ("mode: BOUNDED_STALENESS staleness: 1", dynamic),
            "window": ("mode: BOUNDED_STALENESS staleness_seconds: 0.01", ""),
            "local": ("local_steps: 3", ""),
        }
        with self.cluster(3, 2):
            for name, (mode, scheduling) in modes.items():
                settings = (f"synchronisation {{ {mode} audit: true }} "
                            f"{scheduling}")
                self.hawser("submit", self.job(
                    name, change=("seed: 3", f"seed: 3\n{settings}"),
                    workers=3, servers=2), "--watch")
                report = self.hawser_json("audit", name)
                self.assertEqual(report["violations"], 0, name)
                self.assertGreater(report["pushes"], 0, name)
            # The same history, had the bound been tighter.
            history = os.path.join(os.path.dirname(
                self.hawser_json("job", "bounded")["output"]), "audit")
            for file in os.listdir(history):
                path = os.path.join(history, file)
                with open(path, encoding="utf-8") as lines:
                    text = lines.read()
                with open(path, "w", encoding="utf-8") as lines:
                    lines.write(text.replace("BOUNDED_STALENESS 1 ",
                                             "BOUNDED_STALENESS 0 "))
            report = self.hawser_json("audit", "bounded", code=1)
            self.assertGreater(report["violations"], 0)

    def test_audit_of_a_directory(self):
        place = f"{self.directory}/collected"
        arguments = ("audit", "a", "--from", place)
        _, err = self.hawser(*arguments, code=4)
        self.assertIn(place, err)
        fine = "J 0 7 0\nR 0 7 0 0 -\nP 0 7 0 0 0 4 0\nR 0 7 1 1 -\n"
        self.write_history(place, "a", 0, fine)
        out, err = self.hawser(*arguments)
        self.assertIn("2 reads, 1 push checked on 1 block of 1 server: no "
                      "violation", out)
        self.assertEqual(err, "")
        report = self.hawser_json(*arguments)
        self.assertEqual((report["reads"], report["pushes"],
                          report["violations"]), (2, 1, 0))
        # Violations, more than are shown.
        self.write_history(place, "a", 0, fine + 30 * "P 0 7 0 0 0 4 0\n")
        out, _ = self.hawser(*arguments, code=1)
        self.assertIn(f"{place}/server-0.audit:8: exactly once: block 0:", out)
        self.assertIn("server-0.audit:27: ", out)
        self.assertNotIn("server-0.audit:28: ", out)
        self.assertIn("and 10 more", out)
        self.assertIn("30 violations", out)
        report = self.hawser_json(*arguments, code=1)
        self.assertEqual(report["violations"], 30)
        self.assertEqual(report["first_violations"][0]["line"], 8)
        # Damage.
        self.write_history(place, "a", 0, fine + "P 0 7\n" + fine)
        _, err = self.hawser(*arguments, code=2)
        self.assertIn(f"{place}/server-0.audit:8: CLOCK is missing", err)
        self.write_history(place, "b", 0, fine)
        _, err = self.hawser(*arguments, code=2)
        self.assertIn("history of job b", err)
        self.hawser("audit", code=2)
        self.hawser("audit", "a", "--from", f"{place}/server-0.audit", code=2)

    def write_history(self, directory, job, server, records):
        os.makedirs(directory, exist_ok=True)
        self.write(os.path.join(directory, f"server-{server}.audit"),
                   f"H 1 {job} {server} 4\nB {server}\n"
                   "M 0 SYNCHRONOUS - -\n" + records)

    def test_set_changes_a_running_job(self):
        epochs = 800  # enough to be changed often, and for the log
        with self.cluster(2, 2):
            self.hawser("submit", self.job("long", epochs=epochs, servers=2))
            self.await_step("long", 20)
            # Clipping by the servers, by the workers, by the servers again.
            for settings in (("mode=bounded_staleness", "staleness=2"),
                             ("mode=ASYNCHRONOUS",),
                             ("mode=synchronous",),
                             ("local_steps=2",)):
                changed = self.hawser_json("set", "long", *settings)
                for setting in settings:
                    key, value = setting.split("=")
                    self.assertEqual(str(changed[key]), value.upper())
                step = self.hawser_json("job", "long")["step"]
                self.await_step("long", step + 20)
            self.hawser("wait", "long", "--timeout", "100")
            job = self.hawser_json("job", "long")
            self.assertEqual(job["state"], "succeeded")
            for part, samples in (("training", 300), ("validation", 100)):
                self.assertEqual([epoch[part]["samples"]
                                  for epoch in job["epochs_done"]],
                                 [samples] * epochs)
            log = self.hawser("logs", "long")[0]
            self.assertEqual(log.count(": pauses"), 4)
            self.assertIn("mode: BOUNDED_STALENESS staleness: 2", log)
            _, err = self.hawser("set", "long", "mode=asynchronous", code=1)
            self.assertIn("made its last step", err)
        self.assert_nothing_left()

    def test_set_says_what_is_wrong(self):
        with self.cluster(1, 1):
            self.hawser("submit", self.job("waits", workers=2))
            for settings, words in (
                    (("modus=asynchronous",), "there is no modus to set"),
                    (("mode=later",), 'mode cannot be "later"'),
                    (("mode",), 'mode cannot be ""'),
                    (("staleness=-1",), 'staleness cannot be "-1"'),
                    (("local_steps=0",), 'local_steps cannot be "0"'),
                    (("scale_by_staleness=2",), "scale_by_staleness cannot"),
                    (("staleness=1",), "BOUNDED_STALENESS"),
                    (("mode=bounded_staleness", "staleness_seconds=nan"),
                     "staleness_seconds is nan"),
                    (("local_steps=70000",), "the most is 65536")):
                _, err = self.hawser("set", "waits", *settings, code=2)
                self.assertIn(words, err, settings)
            self.hawser("set", "waits", code=2)
            _, err = self.hawser("set", "nobody", "mode=asynchronous", code=4)
            self.assertIn("no job named nobody", err)
            # One that waits begins like this.
            out, _ = self.hawser("set", "waits", "mode=asynchronous")
            self.assertIn("mode: ASYNCHRONOUS", out)
            worker = self.start("--scheduler", self.address(), "--data-root",
                                "/", program="hawser-worker")
            self.hawser("wait", "waits", "--timeout", "60")
            self.assertNotIn("pauses", self.hawser("logs", "waits")[0])
            worker.terminate()
            worker.communicate(timeout=harness.DEADLINE)
        self.assert_nothing_left()

    def test_run_leaves_a_checkpoint_and_nothing_else(self):
        before = set(os.listdir(self.directory))
        job = self.run_job(self.job(), "--servers", "2")
        self.assertEqual(job["state"], "succeeded")
        self.assertEqual(set(os.listdir(self.directory)) - before,
                         {"hawser-output", "small.textproto"})
        files = sorted(os.listdir(job["output"]))
        self.assertEqual(len(files), 3)
        self.assertEqual(files[0], "manifest.json")
        self.assert_nothing_left()
        # Again: the same files, by content.
        self.assertEqual(self.run_job(self.job(), "--servers",
                                      "2")["output"], job["output"])
        self.assertEqual(sorted(os.listdir(job["output"])), files)

    def test_formats_of_job_files(self):
        text = self.run_job(self.job())
        yaml = self.write("small.yaml", f"""
name: small
model: {{mlp: {{layer_sizes: [16, 40, 20, 3], dropout: 0.1}}}}
data: {{idx: {{directory: "{self.data}"}}}}
optimizer: {{adam: {{}}, clip_global_norm: 0.5}}
learning_rate: {{base: 0.01}}
schedule: {{epochs: 3, global_batch: 32, micro_batches: 8}}
placement: {{block_elements: 256}}
seed: 3
""")
        self.assertEqual(self.run_job(yaml)["parameters_sha256"],
                         text["parameters_sha256"])

    def test_help_version_and_completion(self):
        for verb in VERBS:
            self.assertIn("Usage", self.hawser(verb, "--help")[0])
        for program in harness.PROGRAMS:
            self.assertRegex(self.hawser("--version", program=program)[0],
                             r"\d+\.\d+\.\d+")
        script = self.hawser("completion", "bash")[0]
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        answer = subprocess.run(
            ["bash", "-c", script + "COMP_WORDS=(hawser su); COMP_CWORD=1; "
             "_hawser; echo ${COMPREPLY[@]}"], capture_output=True, text=True,
            check=True)
        self.assertEqual(answer.stdout.split(), ["submit"])
        self.hawser("completion", "tcsh", code=2)


if __name__ == "__main__":
    harness.main()
