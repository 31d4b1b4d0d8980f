"""`slipway gateway` over a data folder, on a port that the system picks: started, asked, killed."""
import http.client
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from conftest import BINARY, ROOT, wait_until

ROWS = (ROOT / "examples" / "tumour.json").read_text()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("gateway", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def answer_of(connection, method, path, body=None, headers=None):
    """-> status, headers, text"""
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode()


class Gateway:
    def __init__(self, data, *options, listen="127.0.0.1:0", **more):
        self.data = Path(data)
        self.log_file = self.data.parent / f"{self.data.name}-gateway.log"
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([BINARY, "gateway", "--data", data, "--listen", listen, *options], stdout=subprocess.PIPE,
                                            stderr=log, text=True, **more)
        line = self.process.stdout.readline()
        assert line.startswith("gateway on http://"), f"no start: {line}{self.log()}"
        self.port = int(line.rsplit(":", 1)[1])

    def log(self):
        return self.log_file.read_text(errors="replace")

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            return answer_of(connection, method, path, body, headers)
        finally:
            connection.close()

    def infer(self, deployment="tumour", headers=None):
        return self.ask("POST", f"/v2/models/{deployment}/infer", ROWS, headers)

    def error(self, *words, **more):
        """-> status, what the answer says, its headers"""
        status, headers, text = self.ask(*words, **more)
        return status, json.loads(text)["error"], headers

    def admin(self, path):
        connection = UnixConnection(self.data / "run" / "gateway.admin.sock")
        try:
            return answer_of(connection, "GET", path, headers={"accept": "application/openmetrics-text; version=1.0.0"})
        finally:
            connection.close()

    def rows(self):
        """What it sends by: {revision: (weight, endpoints)}"""
        return {row["revision"]: (row["weight"], row["endpoints"]) for row in json.loads(self.admin("/observed")[2])["rows"]}

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(timeout=40)
        self.process.stdout.close()
        return code


def replicas_of(data):
    """The servers that control started there, which outlive it: {pid: its words}"""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
            where = os.readlink(entry / "cwd")
        except OSError:
            continue  # it has ended
        if words[1:2] == ["serve"] and (where == str(data) or any(str(data) + "/" in word for word in words)):
            found[int(entry.name)] = words
    return found


def end_replicas(data):
    for pid in replicas_of(data):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    wait_until(lambda: not replicas_of(data))
