"""Content that is rewritten between the check and the use: what is given or answered is what its digest says, or nothing."""
import json
import os
import re
import shutil
import threading
import time
from pathlib import Path

import pytest
from conftest import ZOO, Server
from control import digest_of

TREE = ZOO / "xgb_multi_penguins" / "model.json"
ROW = [39.1, 18.7, 181, 3750, 1]


@pytest.mark.parametrize("swap", ["replaced", "rewritten"])
def test_ATK_18_fetch_never_gives_other_content_than_its_digest(control, swap, tmp_path):
    platform = control()
    assert platform.slipway("push", TREE, "--name", "m").returncode == 0
    good = TREE.read_bytes()
    evil = good.replace(b"1", b"2")
    blob = platform.blob_file(digest_of(good))
    done = threading.Event()

    def put(content):
        aside = blob.parents[2] / "aside"
        if swap == "replaced":
            aside.write_bytes(content)
            aside.replace(blob)
        else:
            with open(blob, "r+b") as file:
                file.write(content)

    def attack():
        blob.chmod(0o644)
        while not done.is_set():
            put(evil)
            put(good)
    attacker = threading.Thread(target=attack)
    attacker.start()
    given = refused = 0
    try:
        for _ in range(60):
            ended = platform.slipway("fetch", "m")
            if ended.returncode:
                assert "damaged" in ended.stderr or "changed" in ended.stderr or "is not there" in ended.stderr, ended.stderr
                refused += 1
                continue
            folder = Path(ended.stdout.strip())
            given += 1
            # A file that is replaced leaves the folder alone; one that is rewritten in place is the folder's too.
            if swap == "replaced":
                assert (folder / "model.json").read_bytes() == good
            shutil.rmtree(folder)
    finally:
        done.set()
        attacker.join()
    assert given + refused == 60
    put(evil)
    ended = platform.slipway("fetch", "m")
    assert ended.returncode == 1 and ended.stdout == "" and not any((platform.data / "models" / "files").iterdir())


def other_leaves(content):
    """Another model of the same size and the same inputs."""
    return re.sub(rb'"split_conditions":\[[^\]]*\]', lambda found: re.sub(rb"\d(?=[E,\]])", b"1", found[0]), content)


def answer(server):
    name = json.loads(server.get("/v2/models/m")[1])["inputs"][0]["name"]
    _, headers, told = server.infer("m", [{"name": name, "datatype": "FP32", "shape": [1, len(ROW)], "data": ROW}])
    return headers["slipway-revision"].split("digest=")[1], told["outputs"][0]["data"]


@pytest.mark.parametrize("fetched", [True, False], ids=["a fetched version", "a file"])
def test_ATK_18_serve_never_answers_with_other_content_than_its_digest(control, fetched, tmp_path):
    good = TREE.read_bytes()
    evil = other_leaves(good)
    assert len(evil) == len(good) and evil != good
    if fetched:
        platform = control()
        assert platform.slipway("push", TREE, "--name", "m").returncode == 0
        folder = Path(platform.slipway("fetch", "m").stdout.strip())
    else:
        folder = tmp_path / "plain"
        folder.mkdir()
    right = {}
    for content in (good, evil):
        (tmp_path / "model.json").write_bytes(content)
        server = Server({"m": tmp_path / "model.json"})
        digest, outputs = answer(server)
        right[digest] = outputs
        server.stop()
    file = folder / "model.json"
    if fetched:
        file.chmod(0o644)
        server = Server({"m": folder})
        right = {answer(server)[0]: right[digest_of(good)]}  # a version's digest is its manifest's
        server.stop()
    else:
        file.write_bytes(good)
    done = threading.Event()

    def attack():
        with open(file, "r+b", buffering=0) as to:
            while not done.is_set():
                for content in (evil, good):
                    to.seek(0)
                    to.write(content)
                    time.sleep(0.0007)
    attacker = threading.Thread(target=attack)
    attacker.start()
    refused = 0
    try:
        for _ in range(25):
            try:
                server = Server({"m": folder})
            except AssertionError as said:
                assert "no start: error: model m: " in str(said)
                refused += 1
                continue
            digest, outputs = answer(server)
            server.stop()
            assert outputs == right[digest]
    finally:
        done.set()
        attacker.join()
    assert refused > 0
    time.sleep(0.05)
    server = Server({"m": folder})
    digest, outputs = answer(server)
    assert outputs == right[digest] and server.stop() == 0
