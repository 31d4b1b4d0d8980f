"""`slipway control` on a port that the system picks, in a data folder of its own: started, asked, killed, measured."""
import base64
import fcntl
import hashlib
import http.client
import json
import os
import re
import signal
import ssl
import struct
import subprocess
from pathlib import Path

from conftest import BINARY, run

API = "/apis/slipway.dev/v1alpha1/namespaces/default"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def holder(lock):
    """The process that holds a lock file, as the kernel says; 0: none."""
    try:
        with open(lock, "rb+") as file:
            got = fcntl.fcntl(file, fcntl.F_GETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except FileNotFoundError:
        return 0
    kind, _, _, _, pid = struct.unpack("hhqqi4x", got)
    return 0 if kind == fcntl.F_UNLCK else pid


class Api:
    """What control serves, as its data folder's kubeconfig says where."""

    def __init__(self, data):
        self.data = Path(data)

    def read_access(self, kubeconfig):
        text = Path(kubeconfig).read_text()
        self.port = int(re.search(r"server: \"?https://[\w.]+:(\d+)", text)[1])
        self.token = re.search(r"token: \"?(\w+)", text)[1]
        self.authority = base64.b64decode(re.search(r"certificate-authority-data: \"?([\w+/=]+)", text)[1]).decode()
        self.tls = ssl.create_default_context(cadata=self.authority)

    def connect(self, timeout=60):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.tls)

    def ask(self, method, path, body=None, headers=None, connection=None):
        """-> status, headers, bytes; a header of None is not sent"""
        to = connection or self.connect()
        sent = {"authorization": f"Bearer {self.token}", "content-type": "application/json", **(headers or {})}
        try:
            to.request(method, path, json.dumps(body) if isinstance(body, (dict, list)) else body,
                       {name: value for name, value in sent.items() if value is not None})
            answer = to.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            if connection is None:
                to.close()

    def get(self, path):
        status, _, text = self.ask("GET", path)
        assert status == 200, text
        return json.loads(text)

    def slipway(self, *words, stdin="", env=None, timeout=60):
        return run(*words, "--data", self.data, stdin=stdin, env=env, timeout=timeout)

    def versions(self):
        return {item["metadata"]["name"]: item for item in self.get(f"{API}/modelversions")["items"]}

    def deployments(self):
        return {item["metadata"]["name"]: item for item in self.get(f"{API}/modeldeployments")["items"]}

    # ---- The registry

    def begin_upload(self, repository="m", connection=None):
        status, headers, text = self.ask("POST", f"/v2/{repository}/blobs/uploads/", b"", connection=connection)
        assert status == 202, text
        return headers["location"]

    def push_blob(self, content, repository="m"):
        where = self.begin_upload(repository)
        return self.ask("PUT", f"{where}?digest={digest_of(content)}", content)

    def push_image(self, content=b"weights", repository="m", tag=""):
        """A manifest with one layer. -> its digest"""
        for blob in (content, b"{}"):
            assert self.push_blob(blob, repository)[0] == 201
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
                               "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2},
                               "layers": [{"mediaType": "application/octet-stream", "digest": digest_of(content), "size": len(content)}]}).encode()
        status, _, text = self.ask("PUT", f"/v2/{repository}/manifests/{tag or digest_of(manifest)}", manifest, {"content-type": MANIFEST_TYPE})
        assert status == 201, text
        return digest_of(manifest)

    def blob_file(self, digest):
        return self.data / "models" / "blobs" / "sha256" / digest.split(":")[1]


class Control(Api):
    def __init__(self, data, *options, env=None, binary=BINARY, listen="127.0.0.1:0"):
        super().__init__(data)
        self.binary = binary
        self.log_file = self.data.parent / f"{self.data.name}.log"
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log_file, "ab") as log:  # never a pipe: a test that sends thousands of requests would fill it
            self.process = subprocess.Popen([binary, "control", "--data", data, "--listen", listen, *options], stdout=subprocess.PIPE,
                                            stderr=log, text=True, env={**os.environ, **(env or {})})
        line = self.process.stdout.readline()
        assert line.startswith("control listens on https://"), f"no start: {line}{self.log()}"
        self.kubeconfig = Path(self.process.stdout.readline().split(": ", 1)[1].strip())
        self.read_access(self.kubeconfig)

    def log(self):
        return self.log_file.read_text(errors="replace")

    # ---- The process

    def status(self, field):
        """In bytes, as /proc/PID/status has it: VmRSS, VmHWM."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB$", text, re.M)[1]) << 10

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def alive(self):
        return self.process.poll() is None

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.wait()

    def wait(self, timeout=40):
        code = self.process.wait(timeout=timeout)
        self.process.stdout.close()
        return code

    def kill(self):
        return self.stop(signal.SIGKILL)

    def end_all(self):
        """Of the data folder: what control started outlives it."""
        if self.alive():
            self.kill()
        for lock in (self.data / "run").glob("*.lock"):
            if pid := holder(lock):
                os.kill(pid, signal.SIGKILL)


def refused(data, *options, listen="127.0.0.1:0", env=None):
    """`slipway control` that must not start. -> what it says"""
    ended = run("control", "--data", data, "--listen", listen, *options, env=env, timeout=30)
    assert ended.returncode == 1 and ended.stdout == "", ended
    return ended.stderr


def deployment(name, version=1, model="credit", **spec):
    return {"apiVersion": "slipway.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": name},
            "spec": {"model": model, "version": version, **spec}}


def tree_digest(folder, but=(), but_files=()):
    """Everything below: names, kinds, content. The folders in `but` are left out, and the content of the files in `but_files`."""
    whole = hashlib.sha256()
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if Path(root, each) not in but)
        for name in sorted(files + [each for each in folders if Path(root, each).is_symlink()]):
            path = Path(root, name)
            whole.update(os.fsencode(path) + b"\0")
            whole.update(os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes() if path.is_file() and path not in but_files else b"?")
        whole.update("\0".join([root, *folders]).encode())
    return whole.hexdigest()
