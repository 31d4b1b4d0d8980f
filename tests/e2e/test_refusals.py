"""What is known and not served is refused at the start, with what is missing and the way out. Broken files kill nothing."""
import ctypes
import errno
import json
import os
import struct
import subprocess

import pytest
from conftest import BINARY, DATA, ZOO, run

REFUSED = DATA / "refused"
WORDS = {"cat_binary_cancer/model.cbm": "CatBoost", "lgb_cat_flights/model.txt": "categorical splits", "lgb_linear_diabetes/model.txt": "linear trees",
         "onnx_cnn_digits/model.pt": "torch.onnx.export", "py_centroid_iris/model.py": "Python source", "skl_logreg_iris/model.joblib": "skl2onnx",
         "skl_logreg_iris/model.skops": "skops", "skl_zipmap_penguins/model.onnx": "zipmap", "tf_keras_digits/model.keras": "Keras",
         "tf_lite_digits/model.tflite": "TFLite", "tf_two_signatures": "TensorFlow", "xgb_cat_flights/model.ubj": "categorical splits",
         "xgb_dart_cancer/model.json": "dart", "xgb_linear_diabetes/model.json": "gblinear", "xgb_multioutput_diabetes/model.ubj": "vector leaves",
         "xgb_old17_iris/model.deprecated": "3.1", "xgb_old21_dart_cancer/model.ubj": "dart"}


@pytest.mark.parametrize("path", WORDS)
def test_serve_names_the_file_and_what_is_missing(path):
    ended = run("serve", "--model", f"m={REFUSED / path}", "--listen", "127.0.0.1:0")
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and path.split("/")[0] in last and WORDS[path].lower() in last.lower()
    assert ended.stdout == ""


def test_inspect_shows_what_a_file_holds():
    ended = run("inspect", ZOO / "xgb_binary_cancer" / "model.ubj")
    assert ended.returncode == 0
    for words in ("XGBoost UBJSON", "xgboost 3.4.1", "sha256:", "input__0 FP32 [-1,30]", "mean radius"):
        assert words in ended.stdout
    found = json.loads(run("inspect", ZOO / "onnx_two_heads" / "model.onnx", "-o", "json").stdout)
    assert found["format"] == "ONNX" and len(found["inputs"]) == 2 and len(found["outputs"]) == 2


LANDLOCK_CREATE_RULESET = 444  # on every architecture


def refuse_call(number):
    """For a child: this system call is answered ENOSYS from here on, as an older kernel would."""
    filters = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | errno.ENOSYS), (0x06, 0, 0, 0x7FFF0000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in filters))
    whole = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(filters), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, whole, 0, 0):  # no new privileges; the filter
        os._exit(77)


def inspect_without(call, *words):
    ended = subprocess.run([BINARY, "inspect", ZOO / "xgb_binary_cancer" / "model.ubj", *words], capture_output=True, text=True, timeout=30,
                           preexec_fn=lambda: call and refuse_call(call))
    if ended.returncode == 77:
        pytest.skip("this system takes no seccomp filter: a kernel without Landlock cannot be played")
    assert ended.returncode == 0, ended.stderr
    return ended


def test_inspect_says_which_locks_held():
    held = json.loads(inspect_without(None, "-o", "json").stdout)["confined"]
    assert set(held) == {"systemCalls", "files"} and set(map(type, held.values())) == {bool}
    warned = inspect_without(None).stderr
    assert ("no seccomp filter" in warned) is not held["systemCalls"] and ("no Landlock" in warned) is not held["files"]


def test_inspect_warns_where_there_is_no_landlock():
    assert json.loads(inspect_without(LANDLOCK_CREATE_RULESET, "-o", "json").stdout)["confined"]["files"] is False
    ended = inspect_without(LANDLOCK_CREATE_RULESET)
    assert "warning: the file was read less confined than it should be: this kernel has no Landlock" in ended.stderr
    assert "XGBoost UBJSON" in ended.stdout


@pytest.mark.parametrize("case", sorted(json.loads((DATA / "broken" / "manifest.json").read_text())))
def test_inspect_survives_every_broken_file(case):
    told = json.loads((DATA / "broken" / "manifest.json").read_text())[case]
    path = DATA / "broken" / case / told["file"]
    ended = run("inspect", path, "-o", "json", timeout=30)
    found = json.loads(ended.stdout)
    if told["expect"] == "refuse":
        assert ended.returncode == 1 and case in found["error"] and "signal" not in found["error"]
    else:
        assert ended.returncode == (1 if "error" in found else 0)


def test_nothing_is_ever_unpickled(tmp_path):
    """The file leaves a mark in the working directory when it is unpickled."""
    path = DATA / "broken" / "onnx_pickle" / "model.onnx"
    for words in (["inspect", path], ["serve", "--model", f"m={path}", "--listen", "127.0.0.1:0"]):
        ended = subprocess.run([BINARY, *map(str, words)], cwd=tmp_path, capture_output=True, text=True, timeout=30)
        assert ended.returncode == 1 and "pickle" in ended.stderr
    assert list(tmp_path.iterdir()) == []
