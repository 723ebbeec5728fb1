"""A headless Chromium that tests drive by the DevTools protocol, without a connection."""

import base64
import itertools
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import websocket

FLAGS = [
    "--headless=new", "--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-port=0",
    "--remote-allow-origins=*", "--allow-file-access-from-files",
]  # fmt: skip
WAIT = 120  # seconds for an answer, on a machine that does other work too
KEYS = {
    "Tab": {"code": "Tab", "windowsVirtualKeyCode": 9},
    "Enter": {"code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    " ": {"code": "Space", "windowsVirtualKeyCode": 32, "text": " "},
    "ArrowDown": {"code": "ArrowDown", "windowsVirtualKeyCode": 40},
}
STATE = """[document.readyState, document.documentElement.scrollHeight, scrollY,
  document.querySelectorAll("svg.marks").length].join()"""


class Browser:
    """One page of a browser, and what it wrote to its console."""

    def __init__(self, program: str, folder: Path) -> None:
        command = [program, *FLAGS, f"--user-data-dir={folder}", "about:blank"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        port = _written(folder / "DevToolsActivePort").split("\n")
        address = f"ws://127.0.0.1:{port[0]}{port[1]}"
        self._socket = websocket.create_connection(address, timeout=WAIT)
        self._numbers = itertools.count(1)
        self._session = ""
        self.complaints: list[str] = []
        known = self.send("Target.getTargets")["targetInfos"]  # a second page would stand behind
        target = next(one["targetId"] for one in known if one["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def look(
        self, width: int, height: int = 900, *, dark: bool = False, touch: bool = False,
        scripts: bool = True, media: str = "",
    ) -> None:  # fmt: skip
        """Set what the next page is seen with."""
        self.resize(width, height, touch=touch)
        self.send("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def resize(self, width: int, height: int = 900, *, touch: bool = False) -> None:
        """Make the window another size."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
            mobile=touch,
        )  # fmt: skip

    def open(self, page: str | Path) -> None:
        """Open a page and wait until it is drawn."""
        self.complaints.clear()
        url = page.as_uri() if isinstance(page, Path) else page
        self.evaluate("window.before = true")  # as the page may be opened again
        self.send("Page.navigate", url=url)
        deadline = time.monotonic() + WAIT
        while self.evaluate("window.before || document.readyState") != "complete":
            if time.monotonic() > deadline:
                raise TimeoutError(url)
            time.sleep(0.05)
        self.settle()

    def settle(self) -> None:
        """Wait until the page stays as it is."""
        deadline = time.monotonic() + WAIT
        last, same = "", 0
        while same < 4 and time.monotonic() < deadline:
            now = self.evaluate(STATE)
            last, same = now, same + 1 if now == last else 0
            time.sleep(0.05)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, or of the promise that it gives."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"])[:1500])
        return answer["result"].get("value")

    def tap(self, x: float, y: float) -> None:
        """Touch the page for a moment."""
        points = [{"x": x, "y": y}]
        self.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=points)
        self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def press(self, key: str) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, **KEYS[key])

    def picture(self, file: Path, whole: bool = False) -> None:
        """Write what is seen as PNG."""
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self) -> bytes:
        """The page as it is printed."""
        return base64.b64decode(self.send("Page.printToPDF", printBackground=True)["data"])

    def close(self) -> None:
        """End the browser."""
        self._socket.close()
        self._process.terminate()
        self._process.wait(timeout=WAIT)

    def _note(self, event: dict[str, Any]) -> None:
        details = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(details["exceptionDetails"])[:500])
        if event.get("method") == "Log.entryAdded" and details["entry"]["level"] == "error":
            self.complaints.append(f"{details['entry']['text']} {details['entry'].get('url', '')}")
        if event.get("method") == "Runtime.consoleAPICalled" and details["type"] in (
            "error", "warning"
        ):  # fmt: skip
            said = [str(part.get("value", part.get("description"))) for part in details["args"]]
            self.complaints.append(f"{details['type']}: {' '.join(said)[:500]}")


def _written(file: Path) -> str:
    deadline = time.monotonic() + WAIT
    while not file.exists() or not file.read_text().count("\n"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the browser did not write {file}")
        time.sleep(0.05)
    return file.read_text()
