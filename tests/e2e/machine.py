"""The whole platform of one machine in a data folder of its own: `slipway up`, what it runs, and who runs."""
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from conftest import BINARY, ROOT, run, wait_until
from control import API, Api, holder
from load import Load

MODEL = ROOT / "examples" / "tumour" / "model.json"
REQUEST = ROOT / "examples" / "tumour.json"
PARTS = ("supervisor", "control", "gateway")


def salted(folder, salt):
    """A model with the signature of examples/tumour, and other answers with each salt."""
    model = json.loads(MODEL.read_text())
    model["learner"]["learner_model_param"]["base_score"] = f"[{0.3 + salt / 100}E0]"
    path = Path(folder) / f"{salt}" / "model.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(model))
    return path


def is_dead(pid):
    """Its parent may still have to take note of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=10):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Machine(Api):
    def __init__(self, env=None, binary=BINARY, data=None, listen="127.0.0.1:0"):
        # Not below pytest's folders: the path of a socket has 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-"))
        super().__init__(data or self.folder / "data")
        self.name = "tumour"
        self.binary, self.env = binary, {**os.environ, **(env or {})}
        # With an id, so that a revision's answers are the same bytes each time.
        self.request = self.folder / "request.json"
        self.request.write_text(json.dumps({"id": "same", **json.loads(REQUEST.read_text())}))
        self.up(listen)

    # ---- Up and down

    def up(self, listen="127.0.0.1:0", api="127.0.0.1:0", env=None):
        ended = self.try_up(listen, api, env)
        assert ended.returncode == 0, f"{ended.stderr}{self.logs()}"
        told = json.loads(ended.stdout)
        self.url = told["gateway"]
        self.read_access(told["kubeconfig"])
        return told

    def try_up(self, listen="127.0.0.1:0", api="127.0.0.1:0", env=None):
        return subprocess.run([self.binary, "up", "--detach", "--data", self.data, "--listen", listen, "--api", api, "-o", "json"],
                              capture_output=True, text=True, timeout=90, env={**self.env, **(env or {})})

    def down(self):
        ended = self.slipway("down", timeout=150)
        assert ended.returncode == 0, ended
        assert self.processes() == {}, "down left something"

    def remove(self):
        """Whatever still runs there, and the folder."""
        while left := self.processes():
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)
        shutil.rmtree(self.folder, ignore_errors=True)

    def logs(self, each=3000):
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-each:]}" for path in sorted((self.data / "logs").glob("*.log")))

    # ---- Who runs

    def pid(self, part):
        return holder(self.data / "run" / f"{part}.lock")

    def replicas(self, revision=""):
        """Names of those that hold their locks -> process."""
        found = {}
        for told in (self.data / "run").glob(f"{revision}*.json"):
            name = told.stem
            if name == "up":
                continue
            for ordinal in range(8):
                replica = f"{name}-{ordinal}"
                if pid := holder(self.data / "run" / f"{hashlib.sha256(replica.encode()).hexdigest()[:16]}.lock"):
                    found[replica] = pid
        return found

    def processes(self):
        """Every living process that was started with this data folder in its words -> those words."""
        found, mark = {}, os.fsencode(self.data)
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes()
                if mark in words and os.fsencode(Path(self.binary).name) in words.split(b"\0")[0]:
                    found[int(entry.name)] = words.replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                pass
        return found

    def kill(self, pid, how=signal.SIGKILL):
        os.kill(pid, how)
        if how == signal.SIGKILL:
            wait_until(lambda: is_dead(pid))

    # ---- What it says

    def slipway(self, *words, stdin="", env=None, timeout=60):
        return run(*words, "--data", self.data, stdin=stdin, env=env, timeout=timeout)

    def done(self, *words, **more):
        ended = self.slipway(*words, **more)
        assert ended.returncode == 0, f"{words}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    # Each of the deployment that the test is about.

    def revision(self, version):
        """How the names of its revisions begin."""
        return f"{self.name}-{version}-"

    def object(self):
        return self.get(f"{API}/modeldeployments/{self.name}")

    def status(self):
        return self.object().get("status", {})

    def condition(self, kind):
        return next((each for each in self.status().get("conditions", []) if each["type"] == kind), {})

    def revisions(self):
        return {each["name"]: each for each in self.status().get("revisions", [])}

    def weights(self):
        return {name: each["weight"] for name, each in self.revisions().items()}

    def rows(self):
        """The gateway's own: revision -> weight, endpoints that it would send to."""
        connection = UnixConnection(self.data / "run" / "gateway.admin.sock")
        try:
            connection.request("GET", "/observed")
            rows = json.loads(connection.getresponse().read())["rows"]
        finally:
            connection.close()
        return {row["revision"]: row for row in rows if row["deployment"] == self.name}

    def ask(self, *request, **more):
        """What may be asked twice: control that is just starting is asked again."""
        end = time.monotonic() + 10
        while True:
            try:
                return super().ask(*request, **more)
            except (OSError, http.client.HTTPException):
                if time.monotonic() > end:
                    raise
            time.sleep(0.02)
            self.read_access(self.data / "kubeconfig")  # it may have moved

    def predict(self, headers=None, body=None):
        """Through the gateway -> status, headers, text"""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        try:
            connection.request("POST", f"/v2/models/{self.name}/infer", Path(body or self.request).read_bytes(), headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    # ---- What is done often

    def push(self, path, model="tumour"):
        return self.done("push", path, "--name", model)

    def push_salted(self, count, model="tumour"):
        for salt in range(1, count + 1):
            self.push(salted(self.folder / "models", salt), model)

    def apply(self, version, **spec):
        """The deployment, new."""
        self.done("apply", "-f", "-", stdin=json.dumps({"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": self.name},
                                                        "spec": {"model": "tumour", "version": version, "replicas": 2, **spec}}))

    def deploy(self, version=1, **spec):
        """The same, until each of its replicas serves through the gateway."""
        self.apply(version, **spec)
        self.wait_at(version)
        wait_until(lambda: sum(row["endpoints"] for row in self.rows().values()) == spec.get("replicas", 2))

    def patch(self, spec):
        status, _, text = self.ask("PATCH", f"{API}/modeldeployments/{self.name}", {"spec": spec}, {"content-type": "application/merge-patch+json"})
        assert status == 200, text

    def is_at(self, version):
        """Whether the gateway sends all to that version; one that is just starting does not say."""
        try:
            rows = self.rows()
        except (OSError, http.client.HTTPException):
            return False
        return [row["revision"].startswith(self.revision(version)) for row in rows.values() if row["weight"] and row["endpoints"]] == [True]

    def wait_at(self, version, seconds=20):
        wait_until(lambda: self.is_at(version), seconds)

    def change(self, load, old, new, **spec):
        """To another version; both may answer while it goes on, and the new one alone once the gateway says so."""
        load.allow(self.revision(old), self.revision(new))
        self.patch({"version": new, **spec})
        self.wait_at(new)
        load.allow(self.revision(new))

    def load(self, allow, **more):
        return Load(self.url, self.name, self.request, allow=allow, **more)
