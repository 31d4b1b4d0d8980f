"""perturbing_proxy.py: stands between clients and a Kubernetes API, and does to them what a seed says.

    perturbing_proxy.py KUBECONFIG --into FOLDER [--seed N] [--perturb NAME]…

Writes FOLDER/kubeconfig, which leads clients to it, and FOLDER/perturbed.jsonl, one line for each thing it did; runs until
SIGTERM. In tests it is an object whose server runs in a thread of its own:

    with Proxy(kubeconfig, folder, [Coalesced(seed=7)]) as proxy: … proxy.kubeconfig … proxy.calls …

Towards clients it has an authority and a token of its own; towards the server it is whoever KUBECONFIG says.
"""
import argparse
import asyncio
import base64
import json
import secrets
import signal
import ssl
import threading
import time
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import wire
from perturbation import Answer, Call, Cut, Event, refusal
from perturbations import KINDS

# Of one connection, not of what it carries.
HOP_HEADERS = ("connection", "transfer-encoding", "content-length", "keep-alive", "authorization", "host", "accept-encoding", "expect")

PATH = "/:@!$&'()*+,;=~"  # what stands in paths as it is


class Proxy:
    def __init__(self, kubeconfig, folder, perturbations=(), namespace=None, on_write=None):
        """`namespace`: what its kubeconfig names, if not what the other one does. `on_write(call, number, when)` is told of each write, "before" the server is asked and "after" it has answered; what it
        kills there has not said or heard more than that."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.upstream = wire.Access(kubeconfig)
        self.namespace = namespace or self.upstream.namespace
        self.perturbations = list(perturbations)
        for each in self.perturbations:
            each.log = self.log
        self.on_write = on_write or (lambda call, number, when: None)
        self.token = secrets.token_hex(16)
        self.calls, self.writes = [], 0  # "GET /path", in order
        self.idle = []  # connections to the server, between calls
        self.began = time.monotonic()
        self.log_lock = threading.Lock()
        self.done = []  # what was perturbed
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True)
        self.listening, self.stopping = threading.Event(), None

    # ---- From any thread

    def start(self):
        self.thread.start()
        assert self.listening.wait(20), "the proxy does not listen"
        return self

    def stop(self):
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join(20)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def log(self, **what):
        with self.log_lock, open(self.folder / "perturbed.jsonl", "a") as file:
            self.done.append({"seconds": round(time.monotonic() - self.began, 3), **what})
            file.write(json.dumps(self.done[-1]) + "\n")

    # ---- In its own

    async def run(self):
        certificate, key = wire.make_certificate(self.folder)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=tls, limit=wire.LINE_LIMIT)
        self.port = server.sockets[0].getsockname()[1]
        self.write_kubeconfig(certificate.read_bytes())
        self.listening.set()
        async with server:
            await self.stopping.wait()

    def write_kubeconfig(self, authority):
        self.kubeconfig = self.folder / "kubeconfig"
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "perturbed", "preferences": {},
                  "clusters": [{"name": "perturbed", "cluster": {"server": f"https://127.0.0.1:{self.port}",
                                                                 "certificate-authority-data": base64.b64encode(authority).decode()}}],
                  "users": [{"name": "perturbed", "user": {"token": self.token}}],
                  "contexts": [{"name": "perturbed", "context": {"cluster": "perturbed", "user": "perturbed", "namespace": self.namespace}}]}
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(json.dumps(config))

    async def serve(self, reader, writer):
        try:
            while head := await wire.read_head(reader):
                if head.headers.get("expect", "").lower() == "100-continue":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                if not await self.answer(head, await wire.read_body(reader, head), reader, writer):
                    break
            writer.close()
        except Cut:
            writer.transport.abort()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
            writer.transport.abort()  # one of the two sides has gone

    async def answer(self, head, body, reader, writer):
        """False: the connection ends with it."""
        method, target, _ = head.first.split(" ")
        where = urlsplit(target)
        call = Call(method, unquote(where.path), dict(parse_qsl(where.query, keep_blank_values=True)), head.headers, body, len(self.calls))
        self.calls.append(f"{method} {target}")
        if head.headers.get("authorization") != f"Bearer {self.token}":
            answer = refusal(401, "Unauthorized", "Unauthorized")
        elif "upgrade" in head.headers:
            return await self.tunnel(call, reader, writer)
        else:
            answer = await self.chain(call, 0)
        if answer is None:
            return await self.watch(call, reader, writer)
        wire.write_head(writer, f"HTTP/1.1 {answer.status} {'-'}", {"Content-Length": len(answer.body), **answer.headers})
        writer.write(answer.body)
        await writer.drain()
        return not head.closes

    async def chain(self, call, place):
        """What the perturbations from `place` on make of a call."""
        if place == len(self.perturbations):
            return None if call.is_watch else await self.forward(call)
        return await self.perturbations[place].call(call, lambda call: self.chain(call, place + 1))

    async def send(self, call):
        """To the server. -> reader, writer, the head of its answer"""
        self.idle = [each for each in self.idle if not each[0].at_eof()]
        reader, writer = self.idle.pop() if self.idle else await self.upstream.connect()
        query = f"?{urlencode(call.query)}" if call.query else ""
        headers = {name: value for name, value in call.headers.items() if name not in HOP_HEADERS}
        headers["host"] = f"{self.upstream.host}:{self.upstream.port}"
        if call.is_write:
            headers["content-length"] = len(call.body)
        if self.upstream.token:
            headers["authorization"] = f"Bearer {self.upstream.token}"
        if "upgrade" in headers:
            headers["connection"] = "Upgrade"
        wire.write_head(writer, f"{call.method} {self.upstream.prefix}{quote(call.path, safe=PATH)}{query} HTTP/1.1", headers)
        writer.write(call.body)
        await writer.drain()
        head = await wire.read_head(reader)
        if head is None:
            raise ConnectionResetError("the server closed")
        return reader, writer, head

    async def forward(self, call):
        """One call that is no watch."""
        number = self.writes
        if call.is_write:
            self.writes += 1
            self.on_write(call, number, "before")
        reader, writer, head = await self.send(call)
        try:
            body = b"" if call.method == "HEAD" else await wire.read_body(reader, head)
        except BaseException:
            writer.close()
            raise
        if head.closes or "content-length" not in head.headers and "transfer-encoding" not in head.headers:
            writer.close()
        else:
            self.idle.append((reader, writer))
        if call.is_write:
            self.on_write(call, number, "after")
        headers = {name: value for name, value in head.headers.items() if name not in HOP_HEADERS}
        if call.method == "HEAD" and "content-length" in head.headers:
            headers["Content-Length"] = head.headers["content-length"]
        return Answer(head.status, body, headers)

    async def watch(self, call, reader, writer):
        upstream, sending, head = await self.send(call)
        leaving = asyncio.create_task(reader.read(1))
        telling = asyncio.create_task(self.tell(call, upstream, head, writer))
        try:
            # A client that has gone away is no longer told, nor the server asked.
            await asyncio.wait((leaving, telling), return_when=asyncio.FIRST_COMPLETED)
            if not telling.done():
                raise Cut
            await telling
            return False
        finally:
            leaving.cancel()
            telling.cancel()
            sending.close()

    async def tell(self, call, upstream, head, writer):
        headers = {name: value for name, value in head.headers.items() if name not in HOP_HEADERS}
        if head.status != 200:
            body = await wire.read_body(upstream, head)
            wire.write_head(writer, head.first, {**headers, "Content-Length": len(body), "Connection": "close"})
            writer.write(body)
            return await writer.drain()
        wire.write_head(writer, head.first, {**headers, "Transfer-Encoding": "chunked", "Connection": "close"})
        await writer.drain()
        async for event in self.perturbed(call, upstream, head):
            writer.write(b"%x\r\n%s\r\n" % (len(event.line), event.line))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    def perturbed(self, call, upstream, head):
        async def events():
            async for line in wire.lines(upstream, head):
                yield Event.parse(line)

        source = events()
        for each in self.perturbations:
            source = each.events(call, source, self.forward)
        return source

    async def tunnel(self, call, reader, writer):
        """Port-forward, exec: bytes both ways."""
        upstream, sending, head = await self.send(call)
        wire.write_head(writer, head.first, head.headers)
        await asyncio.gather(pump(reader, sending), pump(upstream, writer))
        return False


async def pump(reader, writer):
    try:
        while piece := await reader.read(64 << 10):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.close()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("kubeconfig")
    arguments.add_argument("--into", required=True)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--perturb", action="append", default=[], choices=KINDS, metavar="NAME", help=", ".join(KINDS))
    said = arguments.parse_args()
    with Proxy(said.kubeconfig, said.into, [KINDS[name](said.seed) for name in said.perturb]) as proxy:
        print(f"the API is at {proxy.kubeconfig}", flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
