#!/usr/bin/python3
"""How fast the dashboard's page is there, and what it takes in the browser.

    bazel build //:bin
    tests/bench/dashboard_bench.py [--minutes 60] [--workers 8] [--loads 20]

Starts a local cluster of lowest priority, whose workers wait after each
micro-batch, with a job that runs for all of that time, opens the job's page in
Chromium (Debian's chromium and chromium-driver), and prints a table of

- load, in seconds: from the beginning of a navigation without a cache until the
  page shows the job;
- heap, in MiB (2^20 bytes): JavaScript's, with the garbage that lies in it; and
  what is left of it after a collection, which is made before the first sample
  and after the last one alone;
- renderer, in MiB: the private and dirty memory of the page's process, which
  includes the heap and what is drawn, and by how much it is above that of
  another Chromium which shows about:blank for as long. Pages of Chromium's own
  files, which any need may take away, are left out;
- the scheduler's CPU seconds a minute, the job's own included.
"""

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
from tests.integration import webdriver  # noqa: E402

JOB = """name: "bench"
model {{ gpt {{ vocabulary: 256 context: 32 layers: 2 heads: 2 width: 32 }} }}
data {{ text {{ files: "text.txt" validation_share: 0.05 }} }}
optimizer {{ adamw {{ }} }}
learning_rate {{ base: 0.001 }}
schedule {{ epochs: 100000 global_batch: 16 micro_batches: 8 }}
checkpoint {{ every_epochs: 10 keep_last: 3 }}
resources {{ workers: {workers} servers: 2 }}
"""
MIB = 1 << 20
SERVERS = 2
# For the page to draw all it has, and for what loading left to go.
SETTLE_SECONDS = 10
# Of a machine that is busy with other things.
PATIENCE_SECONDS = 300


class Cluster:
    """Daemons of lowest priority: whoever looks at the page has the CPU."""

    def __init__(self, flags, directory):
        self._programs = flags.bin
        self._directory = directory
        self._processes = []
        self.scheduler = self._start(
            "scheduler", "--listen", "127.0.0.1:0", "--port-file", "port",
            "--http-listen", "127.0.0.1:0", "--http-port-file", "http",
            "--lease-ms", str(1000 * PATIENCE_SECONDS))
        self._await("port")
        with open(f"{directory}/port", encoding="utf-8") as file:
            address = file.read()
        with open(f"{directory}/http", encoding="utf-8") as file:
            self.url = f"http://{file.read()}/#/jobs/bench"
        for _ in range(SERVERS):
            self._start("server", "--scheduler", address)
        for _ in range(flags.workers):
            self._start("worker", "--scheduler", address, "--data-root", ".",
                        "--micro-batch-delay-ms", str(flags.delay_ms))
        with open(f"{directory}/bench.textproto", "w",
                  encoding="utf-8") as file:
            file.write(JOB.format(workers=flags.workers))
        subprocess.run([f"{flags.bin}/hawser", "submit", "bench.textproto",
                        "--scheduler", address], cwd=directory, check=True,
                       stdout=subprocess.DEVNULL)

    def _start(self, role, *arguments):
        process = subprocess.Popen(
            [f"{self._programs}/hawser-{role}", *arguments],
            cwd=self._directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.nice(19))
        self._processes.append(process)
        return process.pid

    def _await(self, name):
        while not os.path.exists(f"{self._directory}/{name}"):
            if self._processes[0].poll() is not None:
                raise RuntimeError("the scheduler has ended")
            time.sleep(0.01)

    def close(self):
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait()


def dirty_bytes(pid):
    """That a process alone has; 0: it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
            return sum(int(line.split()[1]) << 10 for line in file
                       if line.startswith("Private_Dirty:"))
    except OSError:
        return 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def renderer_bytes(browser):
    """Of the renderer with the most: a spare one that waits has less. Those of
    the browser's own surface are none of a page's."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", encoding="utf-8") as file:
                line = file.read()
        except (OSError, UnicodeDecodeError):
            continue
        if ("--type=renderer" in line and browser.profile in line and
                "--top-chrome-webui" not in line):
            found.append(dirty_bytes(entry))
    return max(found, default=0)


def heap_bytes(browser, collect=False):
    if collect:
        browser.devtools("HeapProfiler.collectGarbage")
    return browser.run("return performance.memory.usedJSHeapSize")


def show(browser, url):
    browser.window(1280, 900)
    browser.open(url)
    browser.await_text(".title .pill", "running")


def measure_load(url, loads):
    """Seconds of each."""
    seconds = []
    with webdriver.Browser() as browser:
        show(browser, url)
        browser.devtools("Network.enable")
        browser.devtools("Network.setCacheDisabled", cacheDisabled=True)
        for _ in range(loads):
            browser.open("about:blank")
            browser.open(url)
            browser.await_that("the job", lambda: browser.run(
                "return performance.getEntriesByName('shown').length"))
            seconds.append(browser.run(
                "return performance.getEntriesByName('shown')[0].startTime")
                / 1000)
    return seconds


class Samples:
    """What the page takes, from time to time."""

    def __init__(self, page, blank, scheduler):
        self.collected = []
        self.heap = []
        self.renderer = []
        self.above = []
        self.cpu = []
        self._page, self._blank, self._scheduler = page, blank, scheduler
        self._last = time.monotonic(), cpu_seconds(scheduler)

    def take(self):
        self.heap.append(heap_bytes(self._page) / MIB)
        self.renderer.append(renderer_bytes(self._page) / MIB)
        self.above.append(self.renderer[-1] -
                          renderer_bytes(self._blank) / MIB)
        last = self._last
        self._last = time.monotonic(), cpu_seconds(self._scheduler)
        self.cpu.append(60 * (self._last[1] - last[1]) /
                        (self._last[0] - last[0]))
        print(f"heap {self.heap[-1]:.1f} MiB, renderer "
              f"{self.renderer[-1]:.1f} MiB, {self.above[-1]:.1f} above "
              f"about:blank, step "
              f"{self._page.text('.six .tile:first-child b')}",
              file=sys.stderr)

    def collect(self):
        self.collected.append(heap_bytes(self._page, collect=True) / MIB)


def measure_memory(cluster, minutes, every_seconds):
    with webdriver.Browser() as blank, webdriver.Browser() as page:
        blank.open("about:blank")
        show(page, cluster.url)
        time.sleep(SETTLE_SECONDS)
        samples = Samples(page, blank, cluster.scheduler)
        end = time.monotonic() + 60 * minutes
        samples.collect()
        while True:
            time.sleep(max(0, min(every_seconds, end - time.monotonic())))
            samples.take()
            if time.monotonic() >= end:
                break
        samples.collect()
        return samples


def row(name, values, digits=1):
    cells = (values[0], min(values), statistics.median(values), max(values),
             values[-1])
    print(f"{name:34}" + "".join(f"{cell:9.{digits}f}" for cell in cells))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--loads", type=int, default=20)
    parser.add_argument("--delay-ms", type=float, default=50,
                        help="of a worker after each micro-batch")
    parser.add_argument("--every-seconds", type=float, default=15,
                        help="between two samples of memory")
    parser.add_argument("--bin", default=f"{ROOT}/bazel-bin/bin")
    flags = parser.parse_args()
    flags.bin = os.path.abspath(flags.bin)
    webdriver.DEADLINE = PATIENCE_SECONDS
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="hawser-bench-"))
        with open(f"{directory}/text.txt", "w", encoding="utf-8") as file:
            file.write("in the beginning was the word and the word was " * 2000)
        cluster = Cluster(flags, directory)
        stack.callback(cluster.close)
        loads = measure_load(cluster.url, flags.loads)
        samples = measure_memory(cluster, flags.minutes, flags.every_seconds)
    print(f"{len(loads)} loads, {flags.minutes:g} minutes, {flags.workers} "
          f"workers, load average {os.getloadavg()[2]:.1f}")
    print(" " * 34 + "".join(f"{title:>9}" for title in (
        "first", "min", "median", "max", "last")))
    row("load, s", loads, 3)
    row("heap, MiB", samples.heap)
    row("heap after a collection, MiB", samples.collected)
    row("renderer, MiB", samples.renderer)
    row("renderer above about:blank, MiB", samples.above)
    row("scheduler, CPU s a minute", samples.cpu, 2)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
