"""What daemons tell whoever watches them: metrics, health, structured logs."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request

import yaml

from tests.integration import harness

OBSERVABILITY = "deploy/observability"
PAGE = "docs/metrics.md"
GPT = """name: "text"
model {{ gpt {{ vocabulary: 256 context: 16 layers: 1 heads: 1 width: 8 }} }}
data {{ text {{ files: "{text}" validation_share: 0.1 }} }}
optimizer {{ adamw {{ }} }}
learning_rate {{ base: 0.001 }}
schedule {{ steps: 10000000 global_batch: 2 }}
resources {{ workers: 1 servers: 1 }}
"""
ENDLESS = 100000000  # epochs


def get(url):
    """(status, body, content type)"""
    try:
        with urllib.request.urlopen(url, timeout=harness.DEADLINE) as reply:
            return (reply.status, reply.read().decode(),
                    reply.headers["Content-Type"])
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), ""


def series(text):
    """{name: {labels: value}}; labels as they are written."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, labels, value = re.fullmatch(
                r"([a-z_]+)(\{.*\})? (\S+)", line).groups()
            found.setdefault(name, {})[labels or ""] = float(value)
    return found


def families(text):
    """Names of metrics; a histogram's parts are one."""
    return set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))


def rows(page):
    """What stands in backquotes in the first cell of each row of a table."""
    for line in page.splitlines():
        if line.startswith("| "):
            yield re.findall(r"`([a-zA-Z_]+)", line.split("|")[1])


def is_told(name, names):
    """Whether a row's names have it, in full or by their end: `_end` has the
    beginning of the row's first."""
    return name in names or any(
        name.endswith(end) and
        names[0].startswith(name.removesuffix(end) + "_")
        for end in names[1:] if end.startswith("_"))


class WatchingTest(harness.ClusterTest):

    def setUp(self):
        super().setUp()
        self.output = f"{self.directory}/output"
        self.daemons = []

    def tearDown(self):
        for daemon in self.daemons:
            daemon.kill()
            daemon.communicate()
        super().tearDown()

    # --- Daemons ---

    def daemon(self, program, *arguments):
        """Starts it; the process, and where it answers HTTP."""
        port_file = f"{self.directory}/{program}-{len(self.daemons)}.http"
        process = self.start("--http-listen", "127.0.0.1:0",
                             "--http-port-file", port_file, *arguments,
                             program=program)
        self.daemons.append(process)

        def address():
            self.assertIsNone(process.poll(), process.args)
            with contextlib.suppress(OSError):
                with open(port_file, encoding="utf-8") as file:
                    return file.read()
        return process, "http://" + self.await_that(f"{program} answers",
                                                    address)

    def scheduler(self, *arguments):
        port_file = f"{self.directory}/port"
        process, http = self.daemon(
            "hawser-scheduler", "--listen", "127.0.0.1:0", "--port-file",
            port_file, "--state-dir", self.state, "--output-root", self.output,
            *arguments)
        # Written when all else listens.
        self.await_that("the scheduler listens",
                        lambda: os.path.exists(port_file) and
                        os.path.getsize(port_file))
        with open(port_file, encoding="utf-8") as file:
            self.environment["HAWSER_SCHEDULER"] = file.read()
        return process, http

    def member(self, program, *arguments):
        more = ["--output-root", self.output] if "server" in program else []
        return self.daemon(program, "--scheduler",
                           self.environment["HAWSER_SCHEDULER"], "--data-root",
                           "/", *more, *arguments)

    def submit_endless(self):
        """A job of each kind of model, that run for as long as they may."""
        text = self.write("text.txt", "in the beginning was the word " * 50)
        self.hawser("submit", self.job(workers=1, epochs=ENDLESS, change=(
            "seed", "checkpoint { every_steps: 1000 }\nseed")))
        self.hawser("submit", self.write("text.textproto",
                                         GPT.format(text=text)))

    # --- Metrics ---

    def scrape(self, *addresses):
        """What all of them say, together."""
        found = {}
        for address in addresses:
            status, text, kind = get(f"{address}/metrics")
            self.assertEqual(status, 200, text)
            self.assertTrue(kind.startswith("text/plain; version=0.0.4"), kind)
            for name, values in series(text).items():
                found.setdefault(name, {}).update(values)
        return found

    def named_metrics(self):
        """Of the alert rules and the dashboard."""
        with open(f"{OBSERVABILITY}/alerts.yaml", encoding="utf-8") as file:
            groups = yaml.safe_load(file)["groups"]
        expressions = [rule["expr"] for group in groups
                       for rule in group["rules"]]
        with open(f"{OBSERVABILITY}/grafana_dashboard.json",
                  encoding="utf-8") as file:
            dashboard = json.load(file)
        targets = [target["expr"] for panel in dashboard["panels"]
                   for target in panel.get("targets", [])]
        self.assertGreater(len(expressions), 10)
        self.assertGreater(len(targets), 20)
        return {name for expression in expressions + targets
                for name in re.findall(r"hawser_[a-z_]+", expression)}

    def check_that_all_are_told(self, *addresses):
        """The page has a line for each metric that a daemon has now."""
        with open(PAGE, encoding="utf-8") as file:
            told = list(rows(file.read()))
        found = set().union(*(families(get(f"{address}/metrics")[1])
                              for address in addresses))
        self.assertGreater(len(found), 10)
        self.assertEqual([name for name in sorted(found) if not any(
            is_told(name, names) for names in told)], [])

    def test_every_alert_is_told(self):
        with open(PAGE, encoding="utf-8") as file:
            told = list(rows(file.read()))
        with open(f"{OBSERVABILITY}/alerts.yaml", encoding="utf-8") as file:
            alerts = [rule["alert"] for group in yaml.safe_load(file)["groups"]
                      for rule in group["rules"]]
        self.assertEqual(alerts, [names[0] for names in told if names and
                                  names[0].startswith("Hawser")])

    def test_metrics_of_a_running_cluster(self):
        _, scheduler = self.scheduler()
        _, server = self.member("hawser-server")
        workers = [self.member("hawser-worker")[1] for _ in range(2)]
        self.submit_endless()

        def all_there():
            found = self.scrape(scheduler, server, *workers)
            jobs = found.get("hawser_job_state", {})
            return ('{job_name="small",state="running"}' in jobs and
                    '{job_name="text",state="running"}' in jobs and
                    "hawser_job_validation_loss" in found and
                    found["hawser_job_step"]['{job_name="text"}'] > 0 and
                    found)
        found = self.await_that("figures of both jobs", all_there)
        with self.subTest("what rules and dashboard ask for is there"):
            missing = self.named_metrics() - set(found)
            self.assertEqual(missing, set())
        with self.subTest("figures"):
            self.assertEqual(found["hawser_scheduler_members"],
                             {'{role="server"}': 1, '{role="worker"}': 2})
            self.assertEqual(sorted(found["hawser_worker_job"]),
                             ['{job_name="small"}', '{job_name="text"}'])
            for name in ("hawser_server_push_bytes_total",
                         "hawser_server_pull_bytes_total",
                         "hawser_server_counted_pushes_total"):
                self.assertGreater(found[name]['{job_name="small"}'], 0, name)
            self.assertGreater(
                found["hawser_worker_phase_seconds_count"]['{phase="step"}'],
                10)
            self.assertGreater(found["hawser_worker_sent_bytes_total"][""], 0)
            self.assertGreater(
                found["hawser_scheduler_journal_events_total"][""], 3)
        with self.subTest("the page tells them all"):
            self.check_that_all_are_told(scheduler, server, *workers)
        with self.subTest("promtool"):
            self.check_with_promtool(scheduler, server, workers[0])
        # Nothing is left of a job that has ended.
        for job in ("small", "text"):
            self.hawser("cancel", job)
        self.await_that("no series of a job", lambda: not re.search(
            "job_name", "".join(get(f"{address}/metrics")[1] for address in (
                scheduler, server, *workers))))

    def check_with_promtool(self, *addresses):
        """Where it is installed (Debian: prometheus)."""
        if shutil.which("promtool") is None:
            return
        for address in addresses:
            done = subprocess.run(["promtool", "check", "metrics"],
                                  input=get(f"{address}/metrics")[1],
                                  text=True, capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        for what, name in (("rules", "alerts.yaml"),
                           ("config", "prometheus.yaml")):
            subprocess.run(["promtool", "check", what,
                            f"{OBSERVABILITY}/{name}"], check=True,
                           capture_output=True)

    def test_staleness_of_an_asynchronous_job(self):
        self.scheduler()
        _, server = self.member("hawser-server")
        self.member("hawser-worker")
        self.member("hawser-worker", "--micro-batch-delay-ms", "2")
        self.hawser("submit", self.job(epochs=40, change=(
            "seed", "synchronisation { mode: BOUNDED_STALENESS staleness: 3 }"
            "seed")))
        held = {}

        def ended():
            found = self.scrape(server)
            if "hawser_server_read_staleness_clocks_count" in found:
                held.update(found)
            return self.hawser_json("job", "small")["state"] == "succeeded"
        self.await_that("steps", lambda: self.hawser_json("job", "small")[
            "step"] > 10)
        self.check_that_all_are_told(server)
        self.await_that("the job's end", ended)
        label = '{job_name="small"'
        buckets = held["hawser_server_read_staleness_clocks_bucket"]
        count = buckets[label + ',le="+Inf"}']
        self.assertGreater(count, 0)
        # The bound holds: no read was staler than 3 clocks.
        self.assertEqual(buckets[label + ',le="3"}'], count)
        self.assertGreater(
            held["hawser_server_push_lag_updates_count"][label + "}"], 0)

    # --- Logs ---

    def test_logs_of_members_are_gathered(self):
        self.scheduler("--log-format", "json")
        server, _ = self.member("hawser-server", "--log-format", "json")
        worker, _ = self.member("hawser-worker", "--log-format", "json")
        self.hawser("submit", self.job(workers=1))
        self.hawser("wait", "small", "--timeout", "100")
        number = {node["role"]: node["node"]
                  for node in self.hawser_json("nodes")}
        story = self.hawser("logs", "small")[0]
        self.assertIn("scheduler: succeeded", story)
        self.assertNotIn("from step 0", story)

        def gathered():
            lines = [json.loads(line) for line in self.hawser(
                "logs", "small", "--members", "-o", "json")[0].splitlines()]
            return {line["source"] for line in lines} >= {
                "scheduler", f"server {number['server']}",
                f"worker {number['worker']}"} and lines
        lines = self.await_that("lines of all", gathered)
        self.assertEqual([line["time"] for line in lines],
                         sorted(line["time"] for line in lines))
        begins = next(line for line in lines if "from step 0" in line["text"])
        self.assertEqual(begins["source"], f"worker {number['worker']}")
        self.assertEqual(begins["level"], "info")
        # On stderr every line is an object.
        for process, role in ((server, "server"), (worker, "worker")):
            process.terminate()
            logged = [json.loads(line) for line in
                      process.communicate(timeout=harness.DEADLINE)[1]
                      .splitlines()]
            self.assertEqual({line["role"] for line in logged}, {role})
            of_job = [line for line in logged if line.get("job") == "small"]
            self.assertTrue(of_job, logged)
            self.assertEqual({line["node"] for line in of_job},
                             {number[role]})

    # --- Health ---

    def health(self, code, *arguments):
        return self.hawser("health", *arguments, code=code)[0].strip()

    def test_a_member_lives_before_it_is_ready(self):
        nobody = self.environment["HAWSER_SCHEDULER"] = "127.0.0.1:1"
        _, worker = self.member("hawser-worker")
        self.assertEqual(self.health(0, worker), "ok")
        self.assertIn("it has not registered",
                      self.health(1, worker, "--ready"))
        self.assertEqual(get(f"{worker}/readyz")[0], 503)
        self.health(3, nobody)
        self.health(3, "http://" + nobody, "--ready")

    def test_health_of_a_cluster(self):
        process, scheduler = self.scheduler()
        _, server = self.member("hawser-server")
        _, worker = self.member("hawser-worker")
        rpc = self.environment["HAWSER_SCHEDULER"]
        for daemon in (scheduler, server, worker):
            self.await_that(f"{daemon} is ready",
                            lambda at=daemon: get(f"{at}/readyz")[0] == 200)
            self.health(0, daemon, "--ready")
        nodes = self.hawser_json("nodes")
        address = next(node["address"] for node in nodes
                       if node["role"] == "server")
        for target in (rpc, address):
            self.assertEqual(self.health(0, target), "ready")
            self.assertEqual(self.health(0, target, "--ready"), "ready")
        self.assertEqual(self.hawser_json("health", rpc, "--ready"), {
            "target": rpc, "ready": True, "text": "ready"})
        # A scheduler's port is no HTTP listener, and the other way round.
        self.health(3, "http://" + rpc)
        # Members work on without a scheduler, and say so.
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.await_that("the loss is seen", lambda: self.scrape(worker)[
            "hawser_member_connected"][""] == 0)
        self.health(0, worker, "--ready")
        self.health(0, address, "--ready")

    def test_health_by_https(self):
        certs = f"{self.directory}/certs"
        self.hawser("certs", "--to", certs)
        self.hawser("certs", "--to", f"{self.directory}/others")
        _, http = self.scheduler("--tls-dir", f"{certs}/scheduler")
        https = http.replace("http://", "https://")
        self.health(0, https, "--ready", "--tls-dir", f"{certs}/client")
        self.environment["HAWSER_TLS_DIR"] = f"{certs}/client"
        self.assertEqual(self.health(0, https), "ok")
        # Neither another authority, nor the system's, nor another name; and
        # not in plain text.
        for target, directory in (
                (https, f"{self.directory}/others/client"),
                (https, ""),
                (https.replace("127.0.0.1", "127.0.0.2"), f"{certs}/client"),
                (http, f"{certs}/client")):
            with self.subTest(target, directory=directory):
                self.environment["HAWSER_TLS_DIR"] = directory
                self.health(3, target)
        del self.environment["HAWSER_TLS_DIR"]
        _, err = self.hawser("health", https, code=3)
        self.assertIn("ca.crt of --tls-dir", err)
        self.hawser("health", "ftp://127.0.0.1:1", code=2)

    def test_whoever_stops_is_not_ready(self):
        process, http = self.scheduler()
        self.member("hawser-server")
        self.health(0, http, "--ready")
        process.terminate()
        self.assertEqual(process.wait(timeout=harness.DEADLINE), 0)
        self.health(3, http)

    def test_bad_flags(self):
        for arguments, text in (
                (("--http-listen", "127.0.0.1"), "127.0.0.1"),
                (("--http-listen", "0.0.0.0:0"), "--allow-insecure-network")):
            with self.subTest(arguments):
                _, err = self.hawser(*arguments, code=1,
                                     program="hawser-worker")
                self.assertIn(text, err)


if __name__ == "__main__":
    harness.main()
