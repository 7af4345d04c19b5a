"""Bad input: a clear message, the right exit code, nothing left behind."""

import os
import signal
import socket
import struct

from tests.integration import harness


class BadInputTest(harness.ClusterTest):

    def refused(self, path, *messages, code=2, arguments=()):
        out, err = self.hawser("run", path, *arguments, code=code)
        # What was wrong with a job that had started is its result.
        for message in messages:
            self.assertIn(message, err if code == 2 else out)
        if code == 2:
            self.assertEqual(out, "")
        self.assert_nothing_left()
        self.assertFalse(os.path.exists(f"{self.directory}/hawser-output"
                                        "/small"))

    def test_a_file_that_does_not_parse(self):
        self.refused(self.write("a.textproto", "name: \"a\"\nmodel {\n"),
                     "a.textproto:3")
        self.refused(self.write("a.json", "{\"name\": \"a\",\n \"model\": "),
                     "a.json:")
        self.refused(self.write("a.yaml", "name: a\nmodel: [1\n"), "a.yaml:")
        self.refused(self.write("a.txt", ""), ".textproto, .json or .yaml")
        self.refused("none.textproto", "none.textproto")

    def test_an_unknown_field_is_named_with_its_line(self):
        self.refused(self.job(change=("seed: 3", "sede: 3")),
                     "small.textproto:9", "sede")
        self.refused(self.write("a.yaml", "name: a\nmodel:\n  mpl: {}\n"),
                     "a.yaml:3", "model.mpl")
        self.refused(self.write("a.json", "{\"name\": \"a\",\n\"sede\": 3}"),
                     "a.json:2", "sede")

    def test_an_impossible_shape(self):
        self.refused(self.job(sizes="16, 0, 3"), "entry 0")
        self.refused(self.job(sizes="16"), "layer_sizes")
        self.refused(self.job(sizes="17, 3"), "is 17", "16 features", code=1)
        self.refused(self.job(sizes="16, 2"), "is 2", "3 classes", code=1)

    def test_a_learning_rate_that_is_not_a_number(self):
        self.refused(self.job(change=("base: 0.01", "base: nan")),
                     "learning_rate.base is nan")

    def test_numbers_of_workers(self):
        for count in ("0", "-1", "1000000000"):
            self.refused(self.job(), "--workers", count,
                         arguments=("--workers", count))
        self.refused(self.job(workers=1000000000), "resources.workers")
        self.refused(self.job(), "--servers", arguments=("--servers", "0"))
        self.refused(self.job(), "many", arguments=("--workers", "many"))

    def test_data_files(self):
        images = f"{self.data}/train-images-idx3-ubyte"
        with open(images, "rb") as file:
            good = file.read()

        def broken(content, *messages):
            with open(images, "wb") as file:
                file.write(content)
            self.refused(self.job(), "train-images-idx3-ubyte", *messages,
                         code=1)

        broken(good[:1000], "truncated")
        broken(good[:3], "truncated")
        broken(struct.pack(">I", 0x999) + good[4:], "magic number 0x00000999")
        broken(good + b"x", "longer")
        with open(images, "wb") as file:
            file.write(struct.pack(">IIII", 0x803, 301, 4, 4) + good[16:] +
                       bytes(16))
        self.refused(self.job(), "301 images but 300 labels", code=1)
        os.unlink(images)
        self.refused(self.job(), "train-images-idx3-ubyte", code=1)

    def test_data_outside_the_root(self):
        os.makedirs(f"{self.directory}/root")
        self.refused(self.job(), "leads out of the root", code=1,
                     arguments=("--data-root", f"{self.directory}/root"))

    def test_a_name_that_is_taken(self):
        with self.cluster(workers=1):
            self.hawser("submit", self.job(workers=1), "--watch")
            _, err = self.hawser("submit", self.job(workers=1), code=2)
            self.assertIn("a job named small exists already", err)
        self.assert_nothing_left()

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            _, err = self.hawser("up", "--state-dir", self.state, "--listen",
                                 address, code=1)
            self.assertIn("is the port taken", err)
            for program in ("hawser-scheduler", "hawser-server"):
                _, err = self.hawser("--listen", address, program=program,
                                     code=1)
                self.assertIn("is the port taken", err)
        self.assert_nothing_left()

    def test_an_open_network_needs_leave(self):
        for program in ("hawser-scheduler", "hawser-server"):
            _, err = self.hawser("--listen", "0.0.0.0:0", program=program,
                                 code=1)
            self.assertIn("--allow-insecure-network", err)
        self.assert_nothing_left()

    def test_no_scheduler_no_job_and_no_patience(self):
        _, err = self.hawser("jobs", "--scheduler", "127.0.0.1:1", code=3)
        self.assertIn("no scheduler answers at 127.0.0.1:1", err)
        with self.cluster(workers=1):
            for verb in ("job", "watch", "logs", "cancel", "wait"):
                _, err = self.hawser(verb, "none", code=4)
                self.assertIn("no job named none", err)
            self.hawser("submit", self.job(workers=2))
            _, err = self.hawser("wait", "small", "--timeout", "0.3", code=6)
            self.assertIn("still queued", err)
            for patience in ("-1", "nan"):
                _, err = self.hawser("wait", "small", "--timeout", patience,
                                     code=2)
                self.assertIn("--timeout", err)
            self.assertIn("needs 2 workers",
                          self.hawser_json("job", "small")["reason"])
        self.hawser("down", "--state-dir", self.state, code=4)
        self.hawser("frobnicate", code=2)
        self.hawser(code=2)
        self.assert_nothing_left()


class InterruptionTest(harness.ClusterTest):

    def interrupted(self, sent):
        process = self.start("run", self.job(epochs=100000))
        self.await_that("the workers run",
                        lambda: len(self.processes("hawser-worker")) == 2)
        process.send_signal(sent)
        _, err = process.communicate(timeout=harness.DEADLINE)
        return process.returncode, err

    def test_ctrl_c_and_its_kin_leave_nothing(self):
        for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP,
                     signal.SIGQUIT):
            code, err = self.interrupted(sent)
            self.assertEqual(code, 130)
            self.assertIn("interrupted", err)
            self.assert_nothing_left()

    def test_lost_workers_end_a_run_and_the_logs_are_kept(self):
        process = self.start("run", self.job(epochs=100000))
        for worker in self.await_that(
                "two workers", lambda: len(self.processes("hawser-worker")) == 2
                and self.processes("hawser-worker")):
            os.kill(worker, signal.SIGKILL)
        _, err = process.communicate(timeout=harness.DEADLINE)
        self.assertEqual(process.returncode, 1)
        self.assertIn("has ended by signal 9", err)
        self.await_that("all processes gone", lambda: not self.processes())
        kept, = os.listdir(self.tmp)
        self.assertIn(kept, err)
        self.assertIn("worker-0.log", os.listdir(f"{self.tmp}/{kept}"))

    def test_a_closed_pipe_leaves_nothing(self):
        process = self.start("run", self.job(epochs=100000))
        process.stderr.close()
        process.stdout.close()
        self.await_that("a worker", lambda: self.processes("hawser-worker"))
        process.send_signal(signal.SIGINT)
        process.wait(timeout=harness.DEADLINE)
        self.assert_nothing_left()

    def test_a_killed_run_takes_its_cluster_along(self):
        self.interrupted(signal.SIGKILL)
        self.await_that("all processes gone", lambda: not self.processes())

    def test_an_interrupted_watch_detaches(self):
        with self.cluster():
            self.hawser("submit", self.job(epochs=100000))
            watch = self.start("watch", "small")
            self.assertIn("epoch", watch.stderr.readline())
            watch.send_signal(signal.SIGINT)
            _, err = watch.communicate(timeout=harness.DEADLINE)
            self.assertEqual(watch.returncode, 130)
            self.assertIn("hawser watch small", err)
            self.assertEqual(self.hawser_json("job", "small")["state"],
                             "running")
        self.assert_nothing_left()

    def test_a_killed_supervisor_leaves_no_daemon_and_no_lock(self):
        with self.cluster():
            with open(f"{self.state}/lock", encoding="utf-8") as file:
                os.kill(int(file.read()), signal.SIGKILL)
            self.await_that("all processes gone", lambda: not self.processes())
            self.hawser("down", "--state-dir", self.state, code=4)
            self.hawser("up", "--state-dir", self.state, "--listen",
                        "127.0.0.1:0")
        self.assert_nothing_left()


if __name__ == "__main__":
    harness.main()
