"""Where the tests' requests go: `slipway control` started here, or any Kubernetes API that a kubeconfig names."""
import base64
import http.client
import json
import os
import signal
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("SLIPWAY_BINARY", ROOT / "build" / "release" / "slipway"))
KUBECTL = ROOT / ".deps" / "kubectl" / "bin" / "kubectl"
DEFINITIONS = ROOT / "api" / "crd"
GROUP = "/apis/slipway.dev/v1alpha1"
SPACE = GROUP + "/namespaces/default"


class Server:
    """An API by its kubeconfig: raw requests, and kubectl."""

    def __init__(self, kubeconfig):
        self.kubeconfig = Path(kubeconfig)
        said = yaml.safe_load(self.kubeconfig.read_text())
        cluster, user = said["clusters"][0]["cluster"], said["users"][0]["user"]
        self.address = cluster["server"]
        self.host, self.port = self.address.removeprefix("https://").rstrip("/").rsplit(":", 1)
        self.ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.token = user.get("token")
        self.cache = tempfile.TemporaryDirectory()  # Another server may have had this port, and kubectl keeps what it discovered.
        self.tls = ssl.create_default_context(cadata=self.ca)
        if "client-certificate-data" in user:
            self._load_client_certificate(user)

    def _load_client_certificate(self, user):
        # ssl takes the pair from a file alone.
        with tempfile.NamedTemporaryFile() as pair:
            for part in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[part]))
            pair.flush()
            self.tls.load_cert_chain(pair.name)

    def connect(self, timeout=30):
        return http.client.HTTPSConnection(self.host, int(self.port), context=self.tls, timeout=timeout)

    def open(self, connection, method, path, body=None, headers=None):
        """Sends a request and gives the answer, not yet read."""
        send = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        send.update({"Content-Type": "application/json"} if body is not None else {})
        send.update(headers or {})
        payload = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        connection.request(method, path, payload, {name: value for name, value in send.items() if value is not None})
        return connection.getresponse()

    def ask(self, method, path, body=None, headers=None):
        """-> status, headers, the JSON of the body (or its text)"""
        connection = self.connect()
        try:
            answer = self.open(connection, method, path, body, headers)
            text = answer.read().decode()
            return answer.status, answer.headers, as_json(text)
        finally:
            connection.close()

    def events(self, path, count, seconds=5, headers=None):
        """The first `count` events of a watch; fewer when the server ends it or the time is up."""
        connection, out = self.connect(timeout=seconds), []
        try:
            answer = self.open(connection, "GET", path, headers=headers)
            if answer.status != 200:
                return answer.status, answer.headers, as_json(answer.read().decode())
            while len(out) < count and (line := answer.readline()):
                out.append(json.loads(line))
        except TimeoutError:
            pass
        finally:
            connection.close()
        return answer.status, answer.headers, out

    def command(self, *words):
        return [str(KUBECTL), "--kubeconfig", str(self.kubeconfig), "--cache-dir", self.cache.name, *map(str, words)]

    def kubectl(self, *words, stdin=None, ok=True, timeout=60, env=None):
        """kubectl WORDS…, to its end. ok: must it succeed (True), fail (False), or either (None)."""
        done = subprocess.run(self.command(*words), input=stdin, capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, **(env or {})})
        assert ok is None or (done.returncode == 0) == ok, f"kubectl {words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    def clear(self):
        """Removes every object of ours, so that each test starts from nothing."""
        for plural in ("modeldeployments", "modelversions"):
            status, _, answer = self.ask("DELETE", f"{SPACE}/{plural}")
            assert status == 200, answer


class Control(Server):
    """`slipway control` over a data folder, on a port that the system picks."""

    def __init__(self, data):
        self.data = Path(data)
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen([BINARY, "control", "--data", str(data), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--without-loops"],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError(f"slipway control did not start: {self.log.read()}")
        wait_until(lambda: (self.data / "kubeconfig").exists(), "the kubeconfig is written")
        super().__init__(self.data / "kubeconfig")

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=40)
        self.process.stdout.close()
        self.log.close()
        return code


def as_json(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def wait_until(holds, what, seconds=20):
    end = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < end, f"not in {seconds} s: {what}"
        time.sleep(0.02)
    return value


def deployment(name="credit", **spec):
    return {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": name},
            "spec": {"model": "credit", "version": 3, **spec}}


def version(model="credit", number=1, **spec):
    digest = "sha256:" + f"{number:x}".rjust(64, "0")
    return {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelVersion", "metadata": {"name": f"{model}-{number}"},
            "spec": {"model": model, "version": number, "artifact": f"{model}@{digest}", "digest": digest, "format": "ONNX", **spec}}
