"""Debian's docker-registry as its users run it: open, behind a password, behind tokens, with TLS. One process each."""
import base64
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

from conftest import ROOT

PROGRAM = next((path for path in (ROOT / ".deps/docker-registry/bin/docker-registry", shutil.which("docker-registry")) if path and Path(path).exists()),
               None)
USER, PASSWORD = "ada", "s3cret:word"


def free_port(host):
    with socket.socket() as taken:
        taken.bind((host, 0))
        return taken.getsockname()[1]


def openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *map(str, words)], input=stdin, capture_output=True, check=True).stdout


def make_certificate(folder, name="registry", host="127.0.0.1"):
    """A certificate that signs itself, for that address. -> its file, its key's file"""
    certificate, key = Path(folder) / f"{name}.crt", Path(folder) / f"{name}.key"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{host}",
            "-keyout", key, "-out", certificate)
    return certificate, key


def docker_config(folder, registry, user=USER, password=PASSWORD, name="config.json"):
    """As docker login writes it. -> the folder"""
    Path(folder).mkdir(parents=True, exist_ok=True)
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    (Path(folder) / name).write_text(json.dumps({"auths": {registry: {"auth": auth}}}))
    return folder


class TokenServer:
    """Gives the tokens that a registry with `auth: token` takes (JSON Web Tokens, RS256), to whoever knows the password."""

    def __init__(self, folder):
        self.certificate, self.key = make_certificate(folder, "tokens")
        self.given = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/token"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, request):
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        body, status = b'{"errors":[{"message":"unknown user"}]}', 401
        if request.headers.get("authorization") == expected:
            self.given.append(query.get("scope", [""])[0])
            body, status = json.dumps({"token": self.token(query["service"][0], self.given[-1])}).encode(), 200
        request.send_response(status)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def token(self, service, scope):
        kind, name, actions = scope.split(":") if scope else ("", "", "")
        now = int(time.time())
        x5c = [base64.b64encode(openssl("x509", "-in", self.certificate, "-outform", "DER")).decode()]
        claims = {"iss": "tests", "aud": service, "sub": USER, "iat": now, "nbf": now - 10, "exp": now + 300, "jti": str(now),
                  "access": [{"type": kind, "name": name, "actions": actions.split(",")}] if scope else []}
        encode = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
        signed = encode(json.dumps({"typ": "JWT", "alg": "RS256", "x5c": x5c}).encode()) + b"." + encode(json.dumps(claims).encode())
        return (signed + b"." + encode(openssl("dgst", "-sha256", "-sign", self.key, stdin=signed))).decode()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


class Registry:
    def __init__(self, folder, password=False, tokens=None, tls=False, host="127.0.0.1"):
        self.folder, self.host, self.port = Path(folder), host, free_port(host)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.address = f"{host}:{self.port}"
        config = {"version": "0.1", "log": {"accesslog": {"disabled": False}},
                  "storage": {"filesystem": {"rootdirectory": str(self.folder / "store")}, "delete": {"enabled": True}},
                  "http": {"addr": self.address}}
        if password:
            import crypt  # Go's bcrypt takes what this makes
            hashed = crypt.crypt(PASSWORD, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2 ** 4))
            (self.folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
            config["auth"] = {"htpasswd": {"realm": "tests", "path": str(self.folder / "htpasswd")}}
        if tokens:
            config["auth"] = {"token": {"realm": tokens.url, "service": "registry", "issuer": "tests", "rootcertbundle": str(tokens.certificate)}}
        if tls:
            self.ca, key = make_certificate(self.folder, host=host)
            config["http"]["tls"] = {"certificate": str(self.ca), "key": str(key)}
        (self.folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
        self.log = self.folder / "log"
        self.start()

    def start(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([PROGRAM, "serve", self.folder / "config.yml"], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex((self.host, self.port)) == 0:
                    return
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def blob_file(self, digest):
        hexadecimal = digest.split(":")[-1]
        return self.folder / "store/docker/registry/v2/blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"

    def asked(self, method, digest):
        """How often a blob was asked for, as the access log has it."""
        return sum(f'"{method} /v2/' in line and f"/blobs/{digest} " in line for line in self.log.read_text(errors="replace").splitlines())

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, 9)
            self.process.wait()
