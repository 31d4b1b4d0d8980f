"""From a file on disk to a version, and back: what arrives, what is refused, what goes on after a break."""
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BINARY, DATA, ZOO, wait_until
from control import Control, digest_of

TREE = ZOO / "xgb_multi_penguins" / "model.json"
FORMATS = sorted(path for folder in ZOO.iterdir() for path in folder.glob("model.*"))
LARGE = 100 << 20


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    control = Control(tmp_path_factory.mktemp("push") / "data")
    yield control
    assert control.stop() == 0


def push(control, path, name, *words, **more):
    return control.slipway("push", path, "--name", name, *words, **more)


def pushed(control, path, name, *words):
    """-> version, digest"""
    ended = push(control, path, name, *words)
    assert ended.returncode == 0, ended.stderr
    told = re.match(rf"{name}:(\d+) (sha256:[0-9a-f]{{64}})", ended.stdout)
    return int(told[1]), told[2]


def files_below(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def blobs(control):
    return files_below(control.data / "models" / "blobs").keys()


# ---- What arrives


@pytest.mark.parametrize("path", FORMATS, ids=lambda path: f"{path.parent.name}.{path.suffix[1:]}")
def test_every_format_is_pushed_and_comes_back_byte_for_byte(platform, path, tmp_path):
    name = path.parent.name.replace("_", "-")
    source = path
    if path.parent.name == "onnx_mlp_external":  # is two files
        source = tmp_path / "whole"
        source.mkdir()
        for file in ("model.onnx", "weights.bin"):
            shutil.copy(path.parent / file, source)
    if path.parent.name == "skl_zipmap_penguins":  # is read, and refused
        assert push(platform, path, name).returncode == 1
        return
    number, digest = pushed(platform, source, name)
    version = platform.versions()[f"{name}-{number}"]["spec"]
    assert version["digest"] == digest and version["artifact"] == f"{name}@{digest}" and version["signature"]["inputs"]
    ended = platform.slipway("pull", f"{name}:{number}", "--into", tmp_path / "pulled")
    assert ended.returncode == 0 and ended.stdout == f"{name}:{number} is in {tmp_path / 'pulled'}\n"
    want = files_below(source) if source.is_dir() else {path.name: path.read_bytes()}
    assert files_below(tmp_path / "pulled") == want
    assert version["size"] == sum(map(len, want.values()))
    fetched = platform.data / "models" / "files" / digest.split(":")[1]
    ended = platform.slipway("fetch", f"{name}:{number}")
    assert ended.stdout == f"{fetched}\n", ended.stderr
    found = files_below(fetched)
    assert digest_of(found.pop("manifest.json")) == digest and found == want


def test_a_folder_is_one_version_with_its_paths(platform, tmp_path):
    folder = tmp_path / "model"
    (folder / "docs" / "deep").mkdir(parents=True)
    shutil.copy(TREE, folder / "model.json")
    (folder / "docs" / "deep" / "notes.txt").write_text("trained in May\n")
    number, digest = pushed(platform, folder, "folder")
    platform.slipway("pull", "folder", "--into", tmp_path / "back")
    assert number == 1 and files_below(tmp_path / "back") == files_below(folder)


def test_what_people_say_of_it_arrives(platform):
    pushed(platform, TREE, "described", "--label", "team=risk", "--label", "tier=gold", "--describe", "trained on May's data")
    version = platform.versions()["described-1"]
    assert version["metadata"]["labels"] == {"team": "risk", "tier": "gold"}
    assert version["spec"]["description"] == "trained on May's data" and version["spec"]["provenance"]["tool"] == "slipway"
    chosen = platform.slipway("get", "mv", "-l", "team=risk", "-o", "name")
    assert chosen.stdout == "modelversion.slipway.dev/described-1\n"
    assert "was pushed by" in platform.slipway("events", "--for", "mv/described-1").stdout


def test_each_form_of_the_answer(platform):
    def said(form):
        return push(platform, TREE, "forms", "-o", form).stdout
    first = json.loads(said("json"))
    assert first["kind"] == "ModelVersion" and first["metadata"]["name"] == "forms-1" and first["spec"]["version"] == 1
    assert said("name") == "modelversion.slipway.dev/forms-1\n"
    assert "apiVersion: slipway.dev/v1alpha1\n" in said("yaml") and "name: forms-1\n" in said("yaml")


def test_the_same_content_is_not_a_new_version(platform):
    first = pushed(platform, TREE, "same")
    again = push(platform, TREE, "same")
    assert again.returncode == 0 and again.stdout == f"same:{first[0]} {first[1]} (the same content was pushed before)\n"
    other = push(platform, TREE, "same-elsewhere")  # another model's version of the same files sends nothing
    assert other.stdout.startswith(f"same-elsewhere:1 {first[1]}") and other.stdout.endswith(" (every file was there already)\n")


def test_the_number_is_one_above_the_highest(platform, tmp_path):
    def another(salt):
        (tmp_path / salt).mkdir()
        shutil.copy(TREE, tmp_path / salt / "model.json")
        (tmp_path / salt / "README.md").write_text(salt)
        return tmp_path / salt
    assert [pushed(platform, another(salt), "numbers")[0] for salt in "abc"] == [1, 2, 3]
    assert platform.slipway("delete", "mv/numbers-1").returncode == 0
    assert pushed(platform, another("d"), "numbers")[0] == 4
    assert sorted(name for name in platform.versions() if name.startswith("numbers-")) == ["numbers-2", "numbers-3", "numbers-4"]


def test_pushes_at_once_get_different_numbers(platform, tmp_path):
    started = []
    for salt in map(str, range(6)):
        (tmp_path / salt).mkdir()
        shutil.copy(TREE, tmp_path / salt / "model.json")
        (tmp_path / salt / "README.md").write_text(salt)
        started.append(subprocess.Popen([BINARY, "push", tmp_path / salt, "--name", "race", "--data", platform.data], stdout=subprocess.PIPE, text=True))
    said = [each.communicate(timeout=60)[0] for each in started]
    assert sorted(int(re.match(r"race:(\d+) ", text)[1]) for text in said) == [1, 2, 3, 4, 5, 6]
    assert len({version["spec"]["digest"] for name, version in platform.versions().items() if name.startswith("race-")}) == 6


# ---- What is refused


@pytest.mark.parametrize("path, says", [
    (DATA / "broken" / "onnx_pickle" / "model.onnx", "this is a Python pickle: unpickling runs whatever code the file holds"),
    (DATA / "broken" / "onnx_truncated" / "model.onnx", ""),
    (DATA / "broken" / "xgb_truncated_json" / "model.json", ""),
    (DATA / "refused" / "skl_logreg_iris" / "model.joblib", "this is zlib-compressed data, as joblib writes"),
    (DATA.parents[1] / "README.md", ""),
    (DATA / "no-such-file", ""),
], ids=["pickle", "truncated ONNX", "truncated JSON", "joblib", "README", "nothing"])
def test_what_cannot_be_served_leaves_nothing(platform, path, says):
    before = blobs(platform), platform.versions().keys()
    ended = push(platform, path, "refused")
    assert ended.returncode == 1 and ended.stdout == "" and ended.stderr.startswith(f"error: {path}: ") and says in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert (blobs(platform), platform.versions().keys()) == before


def test_a_folder_with_a_link_is_refused(platform, tmp_path):
    shutil.copy(TREE, tmp_path / "model.json")
    (tmp_path / "passwd").symlink_to("/etc/passwd")
    ended = push(platform, tmp_path, "refused")
    assert ended.returncode == 1 and ended.stderr == f"error: {tmp_path}/passwd: a version holds regular files; this is a link or a device\n"


@pytest.mark.parametrize("words, says", [
    (["--name", "Credit"], "--name Credit: a model's name is at most 45 lower-case letters, digits and '-', and starts with a letter"),
    (["--name", "../x"], "--name ../x: a model's name is at most 45 lower-case letters, digits and '-', and starts with a letter"),
    (["--name", "a" * 46], f"--name {'a' * 46}: a model's name is at most 45 lower-case letters, digits and '-', and starts with a letter"),
    (["--name", "m", "--label", "team"], "--label team: say KEY=VALUE"),
    (["--name", "m", "--label", "-=x"], "--label -=x: "),
])
def test_mistakes_of_push(platform, words, says):
    ended = platform.slipway("push", TREE, *words)
    assert ended.returncode == 1 and ended.stdout == "" and ended.stderr.startswith(f"error: {says}")


def test_pull_writes_over_nothing(platform, tmp_path):
    pushed(platform, TREE, "over")
    ended = platform.slipway("pull", "over:1", "--into", tmp_path)
    assert ended.returncode == 1 and ended.stderr == f"error: {tmp_path} is there already; say --into another folder\n"
    assert list(tmp_path.iterdir()) == []
    ended = platform.slipway("pull", "over:7")
    assert ended.returncode == 1 and ended.stderr == "error: there is no version 7 of over; `slipway get mv` lists what there is\n"


# ---- What breaks off


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A model of 100 MB: weights that are longer than the graph needs."""
    folder = tmp_path_factory.mktemp("large") / "model"
    folder.mkdir()
    shutil.copy(ZOO / "onnx_mlp_external" / "model.onnx", folder)
    with open(folder / "weights.bin", "wb") as file:
        file.write((ZOO / "onnx_mlp_external" / "weights.bin").read_bytes())
        block = os.urandom(1 << 20)
        for i in range(LARGE >> 20):
            file.write(i.to_bytes(8, "big") + block[8:])
    return folder


class Pusher:
    """`slipway push` of the large model. Its home is its own: that is where it remembers what broke off."""

    def __init__(self, control, folder, home):
        self.home = home
        self.process = subprocess.Popen([BINARY, "push", folder, "--name", "large", "--data", control.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env={**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "state")})

    def remembered(self):
        return list((self.home / "state" / "slipway" / "uploads").glob("*"))

    def end(self):
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def arrived(control):
    return max((path.stat().st_size for path in (control.data / "models" / "uploads").iterdir()), default=0)


def bytes_read_by(control):
    """What control received and read since its start, by the kernel's account."""
    return int(re.search(r"^rchar: (\d+)$", open(f"/proc/{control.process.pid}/io").read(), re.M)[1])


def break_off(control, folder, home, victim):
    """-> how much had arrived, and the path of the upload"""
    pusher = Pusher(control, folder, home)
    wait_until(lambda: arrived(control) > 5 << 20)
    os.kill(victim.pid if victim else pusher.process.pid, signal.SIGKILL)
    return pusher


def check_whole(control, folder, tmp_path):
    assert control.slipway("verify").returncode == 0
    assert control.slipway("pull", "large", "--into", tmp_path / "back").returncode == 0
    assert files_below(tmp_path / "back") == files_below(folder)
    assert list((control.data / "models" / "uploads").iterdir()) == []


def test_a_killed_push_goes_on_where_it_broke(control, large, tmp_path):
    platform = control()
    first = break_off(platform, large, tmp_path, None)
    first.end()
    time.sleep(0.2)  # what was under way is written
    had = arrived(platform)
    assert 5 << 20 < had < LARGE and platform.versions() == {}
    upload, = (platform.data / "models" / "uploads").iterdir()
    kept, = first.remembered()
    assert kept.read_text() == f"/v2/large/blobs/uploads/{upload.name}"
    status, headers, _ = platform.ask("GET", kept.read_text())
    assert status == 204 and headers["range"] == f"0-{had - 1}"
    before = bytes_read_by(platform)
    code, out, err = Pusher(platform, large, tmp_path).end()
    assert code == 0 and out.startswith("large:1 sha256:"), err
    assert bytes_read_by(platform) - before < LARGE - had + (8 << 20)
    assert first.remembered() == []
    check_whole(platform, large, tmp_path)


def test_a_push_outlives_a_killed_control(control, large, tmp_path):
    platform = control()
    pusher = Pusher(platform, large, tmp_path)
    wait_until(lambda: arrived(platform) > 5 << 20)
    port = platform.port
    platform.kill()
    had = arrived(platform)
    assert 5 << 20 < had < LARGE
    again = control(listen=f"127.0.0.1:{port}")
    code, out, err = pusher.end()  # it tries again by itself; if control was away for too long, the repeated push does
    if code:
        assert "push" in err or "control" in err
        code, out, err = Pusher(again, large, tmp_path).end()
    assert code == 0 and out.startswith("large:1 sha256:"), err
    # What was there is hashed once, the rest is received once.
    assert bytes_read_by(again) < had + (LARGE - had) + (16 << 20)
    check_whole(again, large, tmp_path)


def test_a_push_that_broke_after_one_byte_goes_on(control, tmp_path):
    """"0-0" may mean one byte or none, as registries say it."""
    platform = control()
    where = platform.begin_upload("m")
    assert platform.ask("PATCH", where, TREE.read_bytes()[:1])[0] == 202
    key = f"https://127.0.0.1:{platform.port} m {digest_of(TREE.read_bytes())}"
    kept = tmp_path / "slipway" / "uploads" / digest_of(key.encode())[7:]
    kept.parent.mkdir(parents=True)
    kept.write_text(where)
    ended = push(platform, TREE, "m", env={"XDG_STATE_HOME": str(tmp_path)})
    assert ended.returncode == 0 and ended.stdout.startswith("m:1 sha256:"), ended.stderr
    assert not kept.exists()


# ---- What was damaged


def damage(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)


def test_a_damaged_blob_is_named_and_refused(control, tmp_path):
    platform = control()
    pushed(platform, TREE, "m")
    blob = platform.blob_file(digest_of(TREE.read_bytes()))
    damage(blob)
    ended = platform.slipway("verify")
    assert ended.returncode == 1 and f"blobs/sha256/{blob.name}: holds other content (sha256:" in ended.stderr
    assert f"its file sha256:{blob.name} is missing or damaged" in ended.stderr
    told = json.loads(platform.slipway("verify", "-o", "json").stdout)
    assert len(told["faults"]) == 2 and told["blobs"] == 3
    for words in (["fetch", "m"], ["pull", "m", "--into", tmp_path / "back"]):
        ended = platform.slipway(*words)
        assert ended.returncode == 1 and ended.stdout == "" and blob.name[:12] in ended.stderr, ended
    assert not (tmp_path / "back").exists() and list((platform.data / "models" / "files").iterdir()) == []


def test_a_folder_that_was_fetched_is_held_against_its_digests_again(control):
    platform = control()
    pushed(platform, TREE, "m")
    folder = Path(platform.slipway("fetch", "m").stdout.strip())
    assert platform.slipway("fetch", "m").stdout.strip() == str(folder)
    (folder / "model.json").unlink()  # whatever happened to the folder: the store can make it again
    (folder / "model.json").write_text("{}")
    assert platform.slipway("fetch", "m").stdout.strip() == str(folder)
    assert (folder / "model.json").read_bytes() == TREE.read_bytes()
    damage(platform.blob_file(digest_of(TREE.read_bytes())))  # the folder's file is the same one
    ended = platform.slipway("fetch", "m")
    assert ended.returncode == 1 and ended.stdout == "" and "the file model.json of the version is damaged on disk" in ended.stderr
    assert not folder.exists()


def test_what_was_damaged_is_mended_by_another_push(control):
    platform = control()
    pushed(platform, TREE, "m")
    blob = platform.blob_file(digest_of(TREE.read_bytes()))
    damage(blob)
    said = platform.slipway("verify").stderr
    assert said.endswith(f"Remove the files below {platform.data}/models that hold other content, then push their versions again.\n")
    blob.unlink()
    assert platform.slipway("verify").returncode == 1
    assert push(platform, TREE, "m").stdout.startswith("m:1 sha256:")
    assert platform.slipway("verify").returncode == 0 and platform.slipway("fetch", "m").returncode == 0
    assert digest_of(blob.read_bytes()) == f"sha256:{blob.name}"
