"""Chromium without a screen, driven over the WebDriver protocol (https://www.w3.org/TR/webdriver2/) by chromedriver."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MISSING = "needs Chromium and its chromedriver (apt-get install chromium chromium-driver)"
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
)
_KEYS = {"left": "\ue012", "up": "\ue013", "right": "\ue014", "down": "\ue015", "escape": "\ue00c", "tab": "\ue004"}


class Browser:
    """One window of Chromium. Lengths are CSS pixels of the page."""

    def __init__(self, address, profile):
        self._address = address
        options = {"binary": CHROMIUM, "args": [*_ARGUMENTS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{session['sessionId']}"

    def _ask(self, method, path, body=None):
        data = None if method != "POST" else json.dumps(body or {}).encode()
        header = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._address + path, data, header, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from None

    def _do(self, command, **body):
        return self._ask("POST", f"{self._session}/{command}", body)

    def devtools(self, command, **parameters):
        """A command of the DevTools protocol."""
        return self._do("goog/cdp/execute", cmd=command, params=parameters)

    def resize(self, width, height, *, scale=1, touch=False):
        """The size of the page, device pixels for one of it, and whether it is that of a phone."""
        settings = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": touch}
        self.devtools("Emulation.setDeviceMetricsOverride", **settings)
        self.devtools("Emulation.setTouchEmulationEnabled", enabled=touch)

    def open(self, path):
        """Opens a page and waits until it shows its pictures; what was logged before is forgotten."""
        self.console(), self.requests()
        self._do("url", url=Path(path).as_uri())
        self.wait("document.documentElement.dataset.ready === 'yes'")

    def run(self, script, *arguments):
        """What a script returns."""
        return self._do("execute/sync", script=script, args=list(arguments))

    def wait(self, condition):
        """Waits until an expression is true, looking before each frame, and until the frame after it is drawn."""
        script = """
            const done = arguments[0];
            (function look() { requestAnimationFrame(() => (CONDITION) ? requestAnimationFrame(done) : look()); })();
        """
        self._do("execute/async", script=script.replace("CONDITION", condition), args=[])

    def click(self, selector):
        """Presses the mouse on an element."""
        self.pointer([self.centre(selector)])
        self.wait("true")

    def centre(self, selector):
        """The middle of an element, in the page."""
        script = "const b = document.querySelector(arguments[0]).getBoundingClientRect(); "
        return self.run(script + "return [b.x + b.width / 2, b.y + b.height / 2]", selector)

    def pointer(self, path, *, kind="mouse", times=1):
        """Presses a pointer at the first point of a path and lets it go at the last one; several times."""
        self.pointers([path], kind=kind, times=times)

    def pointers(self, paths, *, kind="touch", times=1):
        """Presses as many pointers as there are paths of one length, moves and releases them together."""
        actions = []
        for number, path in enumerate(paths):
            points = [_move(point) for point in path]
            once = [points[0], {"type": "pointerDown", "button": 0}, *points[1:], {"type": "pointerUp", "button": 0}]
            pointer = {"type": "pointer", "id": f"{kind}{number}", "parameters": {"pointerType": kind}}
            actions.append({**pointer, "actions": once * times})
        self._do("actions", actions=actions)
        self.wait("true")

    def hover(self, point):
        """Moves the mouse there."""
        self._do("actions", actions=[{"type": "pointer", "id": "mouse0", "actions": [_move(point)]}])
        self.wait("true")

    def wheel(self, point, delta):
        """Turns the wheel at a point."""
        turned = {**_move(point), "type": "scroll", "deltaX": 0, "deltaY": delta}
        self._do("actions", actions=[{"type": "wheel", "id": "wheel", "actions": [turned]}])
        self.wait("true")

    def keys(self, *names):
        """Presses keys, one after the other: characters, or names of others."""
        strokes = [{"type": kind, "value": _KEYS.get(name, name)} for name in names for kind in ("keyDown", "keyUp")]
        self._do("actions", actions=[{"type": "key", "id": "keys", "actions": strokes}])
        self.wait("true")

    def screenshot(self):
        """The window as a PNG file."""
        return base64.b64decode(self._ask("GET", f"{self._session}/screenshot"))

    def console(self):
        """Messages of the console since the last call, errors and refusals of the page's policy among them."""
        return [entry["message"] for entry in self._do("se/log", type="browser")]

    def requests(self):
        """Addresses that were asked for since the last call, by their beginnings."""
        entries = (json.loads(entry["message"])["message"] for entry in self._do("se/log", type="performance"))
        sent = (entry["params"] for entry in entries if entry["method"] == "Network.requestWillBeSent")
        return {re.match(r"(data:\w*|[^?#]*)", each["request"]["url"])[0] for each in sent}

    def close(self):
        """Ends Chromium."""
        self._ask("DELETE", self._session)


def _move(point):
    x, y = map(int, point)
    return {"type": "pointerMove", "duration": 0, "x": x, "y": y}


@contextmanager
def chromium(profile):
    """A browser whose settings lie in a folder."""
    command = [DRIVER, "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as driver:
        try:
            ports = (re.search(r"on port (\d+)\.$", line.strip()) for line in driver.stdout)
            port = next(found[1] for found in ports if found)
            browser = Browser(f"http://127.0.0.1:{port}", profile)
            try:
                yield browser
            finally:
                browser.close()
        finally:
            driver.terminate()
