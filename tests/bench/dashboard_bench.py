#!/usr/bin/python3
"""How fast the dashboard's page is there, and how much memory it takes.

    bazel build //:bin
    tests/bench/dashboard_bench.py [--minutes 60] [--workers 8] [--loads 20]

Starts a local cluster with a job that runs for all of that time, opens the
job's page in Chromium (Debian's chromium and chromium-driver), and prints

- load: from the beginning of the navigation until the page shows the job, of
  --loads fresh loads: min, median, max, in seconds;
- memory: the page's heap in use after a collection, and what its renderer
  process has, every minute, in MiB (2^20 bytes);
- what a live view costs the scheduler, in CPU seconds a minute.
"""

import argparse
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
data {{ text {{ files: "{text}" validation_share: 0.05 }} }}
optimizer {{ adamw {{ }} }}
learning_rate {{ base: 0.001 }}
schedule {{ epochs: 100000 global_batch: 16 micro_batches: 8 }}
resources {{ workers: {workers} servers: 2 }}
"""
MIB = 1 << 20


def resident(pid):
    """Private and shared memory of a process, in bytes; 0: it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
            return sum(int(line.split()[1]) << 10 for line in file
                       if line.startswith("Pss:"))
    except OSError:
        return 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def processes(marks):
    """Numbers of processes whose command line has all of the marks."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", encoding="utf-8") as file:
                line = file.read()
        except (OSError, UnicodeDecodeError):
            continue
        if all(mark in line for mark in marks):
            found.append(int(entry))
    return found


def measure_load(browser, url, loads):
    seconds = []
    for _ in range(loads):
        browser.open("about:blank")
        browser.open(url)
        browser.await_that("the page to show something", lambda: browser.run(
            "return performance.getEntriesByName('shown').length"))
        seconds.append(browser.run(
            "return performance.getEntriesByName('shown')[0].startTime")
            / 1000)
    return seconds


def heap(browser):
    browser.devtools("HeapProfiler.collectGarbage")
    return browser.run("return performance.memory.usedJSHeapSize")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--loads", type=int, default=20)
    parser.add_argument("--bin", default=f"{ROOT}/bazel-bin/bin")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hawser-bench-") as directory:
        text = f"{directory}/text.txt"
        with open(text, "w", encoding="utf-8") as file:
            file.write("in the beginning was the word and the word was " * 2000)
        job = f"{directory}/bench.textproto"
        with open(job, "w", encoding="utf-8") as file:
            file.write(JOB.format(text=text, workers=flags.workers))
        state = f"{directory}/state"

        def hawser(*arguments):
            subprocess.run([f"{flags.bin}/hawser", *arguments, "--state-dir",
                            state], check=True, stdout=subprocess.DEVNULL,
                           cwd=directory)
        hawser("up", "--listen", "127.0.0.1:0", "--workers",
               str(flags.workers), "--servers", "2")
        try:
            hawser("submit", job)
            run(flags, state)
        finally:
            hawser("down")


def run(flags, state):
    with open(f"{state}/dashboard.address", encoding="utf-8") as file:
        url = f"http://{file.read()}/#/jobs/bench"
    scheduler = processes([f"{state}/state"])[0]  # its --state-dir
    with webdriver.Browser() as browser:
        browser.resize(1280, 900)
        browser.open(url)
        browser.await_text(".title .pill", "running")
        seconds = measure_load(browser, url, flags.loads)
        print(f"load: {min(seconds):.3f} / {statistics.median(seconds):.3f} / "
              f"{max(seconds):.3f} s (min / median / max of {len(seconds)})")
        most = 0
        end = time.monotonic() + 60 * flags.minutes
        minute = 0
        before = cpu_seconds(scheduler)
        while True:
            used = heap(browser)
            most = max(most, used)
            renderer = max(map(resident, processes(
                ["--type=renderer", browser.profile])), default=0)
            now = cpu_seconds(scheduler)
            print(f"minute {minute:3}: heap {used / MIB:.1f} MiB, renderer "
                  f"{renderer / MIB:.1f} MiB, scheduler "
                  f"{now - before:.2f} CPU s, "
                  f"step {browser.text('.six .tile:first-child b')}",
                  flush=True)
            before = now
            if time.monotonic() >= end:
                break
            time.sleep(min(60, max(0, end - time.monotonic())))
            minute += 1
        print(f"memory: at most {most / MIB:.1f} MiB of heap in "
              f"{flags.minutes:g} minutes, {flags.workers} workers")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
