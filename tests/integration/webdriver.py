"""Chromium without a screen, by the WebDriver protocol (W3C) over HTTP.

    with webdriver.Browser() as browser:
        browser.open("http://127.0.0.1:8080/")
        browser.click("#cancel")
        browser.screenshot("page.png")

Debian's chromium and chromium-driver, no other package.
"""

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

DEADLINE = 60  # seconds until something that must happen has not
ATTEMPTS = 5  # to start a driver
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def is_installed():
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


class Browser:
    """takes_any_certificate: also those of authorities it does not know."""

    def __init__(self, takes_any_certificate=False):
        self._takes_any_certificate = takes_any_certificate

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="hawser-browser-")
        self.session = None
        try:
            port = self._start_driver()
            self.base = f"http://127.0.0.1:{port}/session"
            arguments = [
                "--headless=new", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-extensions",
                "--enable-precise-memory-info",
                f"--user-data-dir={self.profile}"]
            self.session = self.call("POST", "", {"capabilities": {
                "alwaysMatch": {"acceptInsecureCerts":
                                self._takes_any_certificate,
                                "timeouts": {"script": 1000 * DEADLINE,
                                             "pageLoad": 1000 * DEADLINE},
                                "goog:chromeOptions": {"args": arguments},
                                "goog:loggingPrefs": {"browser": "ALL"}}}
            })["sessionId"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start_driver(self):
        """The port where it listens. It looks for one that is free, and ends if
        somebody else has it by then."""
        for _ in range(ATTEMPTS):
            self.driver = subprocess.Popen(
                ["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
            said = ""
            for line in self.driver.stdout:
                found = re.search(r"started successfully on port (\d+)", line)
                if found:
                    return found[1]
                said += line
            self.driver.wait()
        raise RuntimeError(f"chromedriver does not start: {said}")

    def __exit__(self, *_):
        try:
            if self.session:
                self.call("DELETE", "")
        except (OSError, RuntimeError):
            pass
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, path, body=None):
        """One command; returns its value, or raises what the browser says."""
        url = self.base + (f"/{self.session}{path}" if self.session else path)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            said = json.load(error)["value"]
            raise RuntimeError(f"{said['error']}: {said['message']}") from None

    # --- What people do ---

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def element(self, selector):
        return self.call("POST", "/element", {
            "using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self.call("POST", f"/element/{self.element(selector)}/click", {})

    def type(self, selector, text):
        self.call("POST", f"/element/{self.element(selector)}/value",
                  {"text": text})

    def resize(self, width, height, phone=False):
        self.devtools("Emulation.setDeviceMetricsOverride",
                      width=width, height=height, mobile=phone,
                      deviceScaleFactor=2 if phone else 1)

    def window(self, width, height):
        """Of the whole window. Where resize() draws more than the window
        shows, what it draws is in the page's process alone."""
        self.call("POST", "/window/rect", {"width": width, "height": height})

    def colours(self, scheme):
        """"light" or "dark"."""
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}])

    # --- What they see ---

    def run(self, script, *arguments):
        """The value of a function's body in JavaScript."""
        return self.call("POST", "/execute/sync",
                         {"script": script, "args": list(arguments)})

    def run_async(self, script):
        """The value of an async function's body."""
        return self.call("POST", "/execute/async", {"args": [], "script": (
            "const done = arguments[arguments.length - 1];"
            "(async () => {" + script + "})()"
            ".then(done, (error) => done('error: ' + error));")})

    def text(self, selector):
        """Of all that match and are shown, joined by newlines."""
        return self.run(
            "return [...document.querySelectorAll(arguments[0])]"
            ".filter((one) => one.checkVisibility())"
            ".map((one) => one.textContent).join('\\n')", selector)

    def await_that(self, what, condition):
        limit = time.monotonic() + DEADLINE
        while time.monotonic() < limit:
            result = condition()
            if result:
                return result
            time.sleep(0.05)
        raise AssertionError(f"not within {DEADLINE} s: {what}\n"
                             f"{self.text('main')[:3000]}\n{self.console()}")

    def await_text(self, selector, part):
        self.await_that(f"{part} in {selector}",
                        lambda: part in self.text(selector))

    def console(self):
        """Errors of the page since the last call."""
        return [entry["message"] for entry in
                self.call("POST", "/se/log", {"type": "browser"})
                if entry["level"] == "SEVERE"]

    def screenshot(self, path, whole=True):
        size = self.run("const box = document.documentElement;"
                        "return [box.clientWidth, box.scrollHeight,"
                        " box.clientHeight]")
        picture = self.devtools(
            "Page.captureScreenshot", captureBeyondViewport=whole,
            clip={"x": 0, "y": 0, "width": size[0],
                  "height": size[1] if whole else size[2], "scale": 1})
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))

    def devtools(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute",
                         {"cmd": command, "params": parameters})
