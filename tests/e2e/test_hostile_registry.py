"""Clients of the registry that lie about names, lengths, ranges and digests, while somebody swaps links into the store:
nothing outside the store changes, and what is in it is what its name says."""
import hashlib
import http.client
import json
import os
import random
import socket
import threading
from collections import Counter

import pytest
from conftest import wait_until
from control import digest_of, tree_digest

CASES = 6000
UPLOAD_ID = "0123456789abcdef" * 2


class Raw:
    """Bytes as they are, over one connection as long as the server keeps it."""

    def __init__(self, platform):
        self.platform, self.socket, self.connected, self.answered = platform, None, 0, Counter()

    def send(self, data, method="GET"):
        """-> the status, or 0 when the server hung up without a word"""
        if self.socket is None:
            self.socket = self.platform.tls.wrap_socket(socket.create_connection(("127.0.0.1", self.platform.port), timeout=30),
                                                        server_hostname="127.0.0.1")
            self.connected += 1
        self.socket.sendall(data)
        answer = http.client.HTTPResponse(self.socket, method=method)
        try:
            answer.begin()
            self.headers, self.body = answer.headers, answer.read()
        except (http.client.HTTPException, ConnectionError):
            self.close()
            self.answered[0] += 1
            return 0
        self.answered[answer.status] += 1
        if answer.will_close:
            self.close()
        return answer.status

    def ask(self, method, target, body=b"", **headers):
        lines = {"Host": "localhost", "Authorization": f"Bearer {self.platform.token}", "Content-Length": str(len(body)),
                 **{name.replace("_", "-"): value for name, value in headers.items()}}
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
        return self.send(head.encode("utf-8", "surrogateescape") + body, method)

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


class Attacker:
    """What each case is made of; the same seed makes the same cases."""

    def __init__(self, seed, outer):
        self.dice, self.outer = random.Random(seed), outer
        self.parts = ["..", ".", "%2e%2e", "..%2f", "%2f", "//", "\\", "..\\", "%5c", "%00", "canary", "canary.txt", "models", "blobs", "uploads", "sha256", "m",
                      "index.json", "oci-layout", "manifests", "tags", "list", "_", "-", "A", "é", "%c3%a9", "%252e%252e", "a" * 300, "%", "%zz", ";", ":", "@",
                      "~", "$HOME", "*", "?", "#", "pki", "ca.key", "kubeconfig", "slipway.db", "run", str(outer), "proc/self/fd/3", "con", "m.", ".m", "m__m"]

    def name(self):
        count = self.dice.randint(1, 5)
        return self.dice.choice(["/", "/", "%2f", ""]).join(self.dice.choice(self.parts) for _ in range(count)).replace("#", "%23").replace("?", "%3f")

    def digest(self, right):
        hexes = right.split(":")[1]
        return self.dice.choice([right, right, "sha256:" + "0" * 64, hexes, right.upper(), f"sha256:{hexes[:-1]}", f"{right}0", f"sha512:{hexes}", f"md5:{hexes[:32]}",
                                 f"sha256:../../{hexes}", "sha256:..", "sha256:", ":", "..", f"sha256:{self.name()}", f"sha256%3a{hexes}", f"sha256:{hexes}%00",
                                 f"sha256:{hexes}/../x", f"{right}&digest=sha256:{'1' * 64}", "sha256:" + "g" * 64, f" {right}", f"{right}%0d%0ax: y"]).replace(" ", "%20")

    def upload_id(self, right):
        return self.dice.choice([right, UPLOAD_ID, right[:-1], right + "0", right.upper(), "..", "../" + right, f"..%2f{right}", f"{right}%00", f"{right}/..",
                                 ".", "", "canary.txt", f"../../{self.name()}", "%2e%2e%2fblobs", "0" * 32, "f" * 64])

    def range(self, size):
        return self.dice.choice([f"0-{max(size - 1, 0)}", f"{size}-{size + 3}", "0-0", "5-9", "9-5", "-1-0", "0-18446744073709551615", "18446744073709551616-1",
                                 "0-", "-", "x-y", f"bytes 0-{size}/*", "0-3,5-9", "0x0-0x3", " 0-3", "00-03", "bytes=0-3", "1" * 400 + "-" + "2" * 400])


def break_framing(dice, token, target, body):
    """A request whose length is a lie, as bytes; the connection ends with it or not."""
    head = f"PUT {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    second = f"PUT /v2/smuggled/manifests/1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    lie = dice.choice(["Content-Length: -1", "Content-Length: 99999999999999999999", "Content-Length: 0x5", f"Content-Length: {len(body)}, {len(body)}",
                       f"Content-Length: {len(body)}\r\nContent-Length: 1", f"Content-Length: {len(body)}\r\nTransfer-Encoding: chunked", "Content-Length: +5",
                       "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: identity", "Transfer-Encoding : chunked", "Content_Length: 5", "Content-Length:",
                       "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nx\r\n0", "Transfer-Encoding: chunked\r\n\r\n-2\r\nxx\r\n0",
                       "Transfer-Encoding: chunked\r\n\r\n5;" + "a" * 9000 + "\r\nhello\r\n0", "Content-Length: 1" + "0" * 100])
    return f"{head}{lie}\r\n\r\n".encode() + body + dice.choice([b"", second])


class Swapper(threading.Thread):
    """Puts links where the registry is about to write, as fast as it can, and takes them away again."""

    def __init__(self, models, outer):
        super().__init__()
        self.models, self.outer, self.done, self.swaps = models, outer, threading.Event(), 0
        self.dice = random.Random(11)

    def run(self):
        blobs, uploads = self.models / "blobs" / "sha256", self.models / "uploads"
        while not self.done.is_set():
            for folder in (uploads, blobs, self.models / "blobs"):
                self.swap_folder(folder)
                self.swap_files(uploads, blobs)

    def swap_folder(self, folder):
        real = folder.with_name(folder.name + ".real")
        folder.rename(real)
        folder.symlink_to(self.outer / "canary")
        self.swaps += 1
        folder.unlink()
        real.rename(folder)

    def swap_files(self, uploads, blobs):
        for folder in (uploads, blobs):
            names = os.listdir(folder)[:50]
            for path in [folder / name for name in self.dice.sample(names, min(3, len(names)))] + [uploads / UPLOAD_ID, blobs / ("0" * 64)]:
                kept = path.with_name(path.name + ".kept")
                try:
                    path.rename(kept) if path.exists() else None
                    path.symlink_to(self.outer / self.dice.choice(["canary.txt", "canary/inner.txt", "new.txt"]))
                    self.swaps += 1
                    path.unlink()
                    kept.rename(path) if kept.exists() else None
                except OSError:
                    if kept.exists() and not path.is_symlink():
                        kept.replace(path)

    def end(self):
        self.done.set()
        self.join()


def one_case(raw, attacker, platform, number):
    """-> the number of requests"""
    dice = attacker.dice
    body = f"case {number} ".encode() * dice.randint(0, 20)
    right = digest_of(body)
    kind = number % 6
    if kind == 0:  # names
        rest = dice.choice([f"blobs/uploads/?digest={right}", "blobs/uploads/", f"manifests/{attacker.name()}", f"blobs/{attacker.digest(right)}", "tags/list",
                            f"blobs/uploads/?mount={attacker.digest(right)}&from={attacker.name()}", f"referrers/{attacker.digest(right)}"])
        if raw.ask(dice.choice(["POST", "PUT", "GET", "PATCH", "DELETE", "HEAD"]), f"/v2/{attacker.name()}/{rest}", body) == 202:
            raw.ask("DELETE", raw.headers["location"])
        return 1
    if kind == 1:  # a manifest that lies
        manifest = json.dumps({"schemaVersion": 2, "config": {"mediaType": attacker.name(), "digest": attacker.digest(right), "size": dice.choice([-1, 0, 1 << 63])},
                               "layers": [{"mediaType": "x", "digest": attacker.digest(right), "size": 1, "annotations": {"org.cncf.model.filepath": "../../" + attacker.name()}}]})
        raw.ask("PUT", f"/v2/m/manifests/{dice.choice(['1', attacker.digest(right), attacker.name()])}", manifest.encode(),
                Content_Type="application/vnd.oci.image.manifest.v1+json")
        return 1
    if kind == 2:  # a whole blob in one, with a digest that may be a lie
        status = raw.ask("POST", f"/v2/m/blobs/uploads/?digest={attacker.digest(right)}", body)
        assert status != 201 or raw.headers["docker-content-digest"] == right
        return 1
    if raw.ask("POST", "/v2/m/blobs/uploads/") != 202:
        return 1
    upload = raw.headers["location"].rsplit("/", 1)[1]
    where = f"/v2/m/blobs/uploads/{upload}"
    if kind == 3:  # ids and digests
        raw.ask(dice.choice(["PUT", "PATCH", "GET", "DELETE"]), f"/v2/m/blobs/uploads/{attacker.upload_id(upload)}?digest={attacker.digest(right)}", body)
    elif kind == 4:  # ranges
        raw.ask("PATCH", where, body, Content_Range=attacker.range(0))
        raw.ask("PATCH", where, body, Content_Range=attacker.range(len(body)))
        raw.ask("PUT", f"{where}?digest={attacker.digest(digest_of(body + body))}")
    else:  # lengths
        raw.send(break_framing(dice, platform.token, f"{where}?digest={right}", body), "PUT") if dice.random() < 0.9 else raw.ask("PUT", where, body)
        raw.close()
    raw.ask("DELETE", where)
    return 4


def check_blobs(platform):
    for path in (platform.data / "models" / "blobs" / "sha256").iterdir():
        assert not path.is_symlink() and hashlib.sha256(path.read_bytes()).hexdigest() == path.name
        assert path.stat().st_mode & 0o777 == 0o444


def check_store(platform):
    check_blobs(platform)
    ended = platform.slipway("verify")
    assert ended.returncode == 0, ended.stderr


@pytest.fixture
def outer(tmp_path):
    """Where a path that climbs out would arrive."""
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary.txt").write_text("untouched")
    (tmp_path / "canary" / "inner.txt").write_text("untouched")
    return tmp_path


def outside(outer, platform):
    """All but the store itself, and what grows by itself: the log and the database."""
    return tree_digest(outer, but=[platform.data / "models"], but_files=[platform.log_file, *platform.data.glob("slipway.db*")])


def test_ATK_11_ATK_16_hostile_uploads_change_nothing_outside_the_store(control, outer):
    (outer / "a" / "b").mkdir(parents=True)
    platform = control(data=outer / "a" / "b" / "data")
    kept = platform.push_image(b"kept", tag="1")
    raw, attacker = Raw(platform), Attacker(16, outer)
    before, memory = outside(outer, platform), platform.status("VmRSS")
    asked = sum(one_case(raw, attacker, platform, number) for number in range(CASES))
    assert asked > CASES and platform.alive()
    # Mostly refused, each for its reason: an attack that is over at the first check proves little.
    assert raw.answered[503] == raw.answered[500] == 0 and raw.answered[201] > 100 and raw.answered[202] > 2000, raw.answered
    assert min(raw.answered[400], raw.answered[404], raw.answered[416]) > 200 and raw.connected < CASES / 5
    assert outside(outer, platform) == before
    assert platform.status("VmRSS") - memory < 64 << 20
    check_store(platform)
    assert platform.ask("GET", "/v2/m/tags/list")[0] == 200 and platform.ask("GET", "/v2/smuggled/tags/list")[0] == 404
    assert platform.ask("GET", f"/v2/m/manifests/{kept}", headers={"accept": "*/*"})[0] == 200


def test_ATK_11_links_swapped_into_the_store_lead_nowhere(control, outer):
    (outer / "a" / "b").mkdir(parents=True)
    platform = control(data=outer / "a" / "b" / "data")
    platform.push_image(b"kept", tag="1")
    raw, attacker = Raw(platform), Attacker(11, outer)
    before = outside(outer, platform)
    swapper = Swapper(platform.data / "models", outer)
    swapper.start()
    try:
        pushed = 0
        for number in range(CASES // 4):
            one_case(raw, attacker, platform, number)
            body = f"good {number}".encode()
            if raw.ask("POST", f"/v2/m/blobs/uploads/?digest={digest_of(body)}", body) == 201:
                pushed += 1
                assert raw.ask("GET", f"/v2/m/blobs/{digest_of(body)}") != 200 or raw.body == body
    finally:
        swapper.end()
    # A folder that cannot be made lasting stops all writing until the next start: then nothing more was pushed.
    assert swapper.swaps > 200 and platform.alive() and (pushed > 0 or raw.answered[503] > 0), (swapper.swaps, raw.answered)
    assert outside(outer, platform) == before
    for path in (platform.data / "models" / "blobs" / "sha256").iterdir():
        if path.suffix == ".kept" or path.is_symlink():  # the swapper's own: it held them when it was stopped, or they were moved with its link
            path.unlink()
    check_blobs(platform)


def test_a_break_in_an_upload_of_one_request_leaves_nothing(control):
    """Its name was never told, so nobody could cancel it; a few hundred would use up the uploads that may be open."""
    platform = control()
    raw = Raw(platform)
    assert raw.ask("POST", "/v2/m/blobs/uploads/?digest=sha256:wrong", b"x") == 400
    assert raw.ask("POST", f"/v2/m/blobs/uploads/?digest={digest_of(b'other')}", b"x") == 400
    for sent in (b"", b"x" * 100, b"x" * (3 << 20)):
        head = f"POST /v2/m/blobs/uploads/?digest={digest_of(b'y')} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {platform.token}\r\nContent-Length: 9999999\r\n\r\n"
        raw.ask("GET", "/v2/")
        raw.socket.sendall(head.encode() + sent)
        raw.close()
    wait_until(lambda: os.listdir(platform.data / "models" / "uploads") == [])


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
def test_ATK_11_an_upload_that_is_a_link_is_not_written_through(control, outer, link):
    platform = control(data=outer / "data")
    link(outer / "canary.txt", platform.data / "models" / "uploads" / UPLOAD_ID)
    for method, query in (("PATCH", ""), ("PUT", f"?digest={digest_of(b'evil')}"), ("PUT", f"?digest={digest_of(b'untouchedevil')}")):
        status, _, _ = platform.ask(method, f"/v2/m/blobs/uploads/{UPLOAD_ID}{query}", b"evil")
        assert status in (400, 404, 416), status
    assert (outer / "canary.txt").read_text() == "untouched" and (outer / "canary.txt").stat().st_mode & 0o200


def test_ATK_11_a_blob_that_is_a_link_is_not_served(control, outer):
    platform = control(data=outer / "data")
    digest = digest_of(b"untouched")
    platform.blob_file(digest).symlink_to(outer / "canary.txt")
    assert platform.ask("GET", f"/v2/m/blobs/{digest}")[0] != 200
    assert platform.slipway("verify").returncode == 1
