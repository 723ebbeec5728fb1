"""Notebooks open in a real Jupyter server on this machine, run, and are saved as they were."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid

import jupytext
import pytest
import websocket

from helpers.run import parameters
from helpers.store import paths

NAMES = list(parameters.notebooks())
TOKEN = "for-these-tests"
CELLS = 10  # code cells that are run of each notebook


class Server:
    """A Jupyter server with Jupytext, started in a folder."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {**os.environ, "PYTHONPATH": str(paths.ROOT)}  # as an installation gives it
        manager = "jupytext.TextFileContentsManager"
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": folder,
            "ServerApp.contents_manager_class": manager,
            "IdentityProvider.token": TOKEN,
            "ServerApp.open_browser": False,
        }
        words = [f"--{key}={value}" for key, value in options.items()]
        command = [sys.executable, "-m", "jupyter_server", "--allow-root", *words]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                self.ask("GET", "api/status")
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.3)
        self.stop()
        pytest.fail(f"the server did not start: {self.process.stdout.read().decode()}")

    def ask(self, method, address, content=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{address}",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)

    def session(self, path):
        """Open a notebook with a kernel, as JupyterLab does."""
        return self.ask(
            "POST",
            "api/sessions",
            {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}},
        )

    def run(self, session, cells):
        """Run cells one after another; the first error in words, or an empty text."""
        kernel = session["kernel"]["id"]
        connection = websocket.create_connection(
            f"ws://127.0.0.1:{self.port}/api/kernels/{kernel}/channels?token={TOKEN}", timeout=280
        )
        try:
            for number, source in enumerate(cells):
                if error := _reply(connection, source):
                    return f"code cell {number}: {error}"
            return ""
        finally:
            connection.close()
            self.ask("DELETE", f"api/sessions/{session['id']}")


def _reply(connection, source):
    name = uuid.uuid4().hex
    header = {"msg_id": name, "msg_type": "execute_request", "username": "", "session": name,
              "date": "", "version": "5.3"}  # fmt: skip
    content = {"code": source, "silent": False, "store_history": True, "user_expressions": {},
               "allow_stdin": False, "stop_on_error": True}  # fmt: skip
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content,
               "channel": "shell"}  # fmt: skip
    connection.send(json.dumps(message))
    while True:
        answer = json.loads(connection.recv())
        mine = answer["parent_header"].get("msg_id") == name
        if mine and answer["msg_type"] == "execute_reply":
            said = answer["content"]
            return "" if said["status"] == "ok" else f"{said['ename']}: {said['evalue']}"


def copied(folder):
    """The notebooks, as a clone has them, in a folder of their own."""
    shutil.copytree(
        paths.NOTEBOOKS, folder / "notebooks", ignore=shutil.ignore_patterns("ipynb", ".*")
    )
    shutil.copy(paths.ROOT / "jupytext.toml", folder)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(copied(tmp_path_factory.mktemp("jupyter")))
    yield running
    running.stop()


def code_cells(model):
    return [cell["source"] for cell in model["content"]["cells"] if cell["cell_type"] == "code"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_opens_in_jupyter_and_its_first_ten_cells_run(server, name):
    path = f"notebooks/{name}.py"
    model = server.ask("GET", f"api/contents/{path}?type=notebook&content=1")
    assert model["type"] == "notebook"

    session = server.session(path)

    assert server.run(session, code_cells(model)[:CELLS]) == ""


@pytest.mark.slow
@pytest.mark.parametrize("start", [".", "notebooks"])
def test_saving_an_unchanged_notebook_changes_nothing(tmp_path, start):
    folder = copied(tmp_path)
    running = Server(folder / start)
    try:
        before = {file.name: file.read_bytes() for file in (folder / "notebooks").iterdir()}
        for name in NAMES:
            path = f"{name}.py" if start == "notebooks" else f"notebooks/{name}.py"
            model = running.ask("GET", f"api/contents/{path}?type=notebook&content=1")
            content = model["content"]
            content["metadata"]["kernelspec"] = running.ask("GET", "api/kernelspecs")[
                "kernelspecs"
            ]["python3"]["spec"] | {"name": "python3"}  # as Lab writes it
            content["metadata"]["kernelspec"] = {
                key: content["metadata"]["kernelspec"][key]
                for key in ("display_name", "language", "name")
            }
            content["metadata"]["language_info"] = {"name": "python", "version": "3.11.7"}
            running.ask(
                "PUT",
                f"api/contents/{path}",
                {"type": "notebook", "format": "json", "content": content},
            )
        after = {
            file.name: file.read_bytes() for file in (folder / "notebooks").iterdir()
            if not file.name.startswith(".")
        }  # fmt: skip
    finally:
        running.stop()

    assert after == before


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_paired_with_no_file(name):
    metadata = jupytext.read(paths.NOTEBOOKS / f"{name}.py").metadata

    assert "formats" not in metadata.get("jupytext", {})
