"""HTTP/1.1 in asyncio streams, as much of it as API servers and their clients speak; and who a kubeconfig lets in."""
import asyncio
import base64
import json
import os
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
KUBECTL = Path(os.environ.get("KUBECTL", ROOT / ".deps" / "kubectl" / "bin" / "kubectl"))
HEAD_LIMIT = 64 << 10
LINE_LIMIT = 16 << 20  # one event of a watch


@dataclass
class Head:
    first: str  # its first line
    headers: dict  # names in small letters; of those that come twice, the last

    @property
    def status(self):
        return int(self.first.split(" ", 2)[1])

    @property
    def closes(self):
        return self.headers.get("connection", "").lower() == "close"


async def read_head(reader):
    """None: the other side has closed."""
    try:
        text = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = text.decode("latin-1")[:-4].split("\r\n")
    pairs = (line.split(":", 1) for line in lines)
    return Head(first, {name.lower(): value.strip() for name, value in pairs})


async def pieces(reader, head):
    """The body, as it comes: chunked, counted, or until the end of the connection (answers alone)."""
    if head.headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
        while (await reader.readline()).strip():
            pass  # trailers
    elif "content-length" in head.headers:
        left = int(head.headers["content-length"])
        if left:
            yield await reader.readexactly(left)
    elif head.first.startswith("HTTP/") and head.status not in (204, 304):
        while piece := await reader.read(64 << 10):
            yield piece


async def lines(reader, head):
    """The same in whole lines."""
    held = b""
    async for piece in pieces(reader, head):
        *whole, held = (held + piece).split(b"\n")
        for line in whole:
            if line.strip():
                yield line + b"\n"
    if held.strip():
        yield held + b"\n"


async def read_body(reader, head):
    return b"".join([piece async for piece in pieces(reader, head)])


def write_head(writer, first, headers):
    writer.write((first + "\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode("latin-1"))


class Access:
    """Where a kubeconfig's current context leads, and what it is let in by."""

    def __init__(self, kubeconfig):
        said = subprocess.run([KUBECTL, "--kubeconfig", kubeconfig, "config", "view", "--raw", "--minify", "--flatten", "-o", "json"],
                              capture_output=True, text=True, check=True, env={**os.environ, "KUBERC": "off"})
        config = json.loads(said.stdout)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        where = urlsplit(cluster["server"])
        self.host, self.port, self.prefix = where.hostname, where.port or 443, where.path.rstrip("/")
        self.namespace = config["contexts"][0]["context"].get("namespace", "default")
        self.token = user.get("token", "")
        self.tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        if "client-certificate-data" in user:
            with tempfile.NamedTemporaryFile() as pair:  # ssl takes it from a file alone
                for part in ("client-certificate-data", "client-key-data"):
                    pair.write(base64.b64decode(user[part]) + b"\n")
                pair.flush()
                self.tls.load_cert_chain(pair.name)

    async def connect(self):
        return await asyncio.open_connection(self.host, self.port, ssl=self.tls, limit=LINE_LIMIT)


def make_certificate(folder):
    """A throwaway authority that is its own server's certificate. -> its file, its key's"""
    certificate, key = Path(folder) / "proxy.crt", Path(folder) / "proxy.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout", key,
                    "-out", certificate, "-subj", "/CN=perturbing proxy", "-addext", "subjectAltName=IP:127.0.0.1"],
                   capture_output=True, check=True)
    return certificate, key
