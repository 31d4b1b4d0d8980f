"""What is known and not served is refused at the start, with what is missing and the way out. Broken files kill nothing."""
import ctypes
import errno
import json
import os
import struct
import subprocess
from pathlib import Path

import pytest
from conftest import BINARY, DATA, ZOO, run

REFUSED = DATA / "refused"
CATEGORIES = "trees[0]: categorical splits are not served; encode the categories as numbers"
DART = "booster dart (weight_drop) is not served; train with booster=gbtree"
SAYS = {
    "cat_binary_cancer/model.cbm": "this is a CatBoost model: CatBoost is not served. Export the model with model.save_model('model.onnx', "
                                   "format='onnx') and remove its ZipMap node",
    "lgb_cat_flights/model.txt": "Tree=0 (line 12): categorical splits are not served; encode the categories as numbers",
    "lgb_linear_diabetes/model.txt": "Tree=0 (line 12): linear trees are not served; train with linear_tree=false",
    "onnx_cnn_digits/model.pt": "this is a TorchScript model: PyTorch files are not served. Export the model with "
                                "torch.onnx.export(model, example, 'model.onnx')",
    "py_centroid_iris/model.py": "this is Python source: code is not run here. Export the model that it builds to ONNX, XGBoost JSON or LightGBM text",
    "skl_logreg_iris/model.joblib": "this is zlib-compressed data, as joblib writes: unpickling runs whatever code the file holds, so it is never "
                                    "read here. Export the model: scikit-learn with skl2onnx.to_onnx(model, X[:1]), XGBoost with "
                                    "model.save_model('model.ubj'), LightGBM with booster.save_model('model.txt')",
    "skl_logreg_iris/model.skops": "this is a skops file: scikit-learn objects are not served. Export the model with skl2onnx.to_onnx(model, X[:1])",
    "skl_zipmap_penguins/model.onnx": "output 'output_probability' is a sequence, which the protocol cannot carry; if it comes from scikit-learn's "
                                      "ZipMap, export again with options={id(model): {'zipmap': False}}",
    "tf_keras_digits/model.keras": "this is a Keras model: Keras files are not served. Export the model with model.export('model.onnx', format='onnx')",
    "tf_lite_digits/model.tflite": "this is a TFLite model: TFLite is not served. Convert it with python -m tf2onnx.convert --tflite model.tflite "
                                   "--output model.onnx",
    "tf_two_signatures/1": "this is a TensorFlow SavedModel: TensorFlow is not served. Convert it with python -m tf2onnx.convert --saved-model "
                           f"{REFUSED}/tf_two_signatures/1 --output model.onnx",
    "xgb_cat_flights/model.ubj": CATEGORIES,
    "xgb_dart_cancer/model.json": DART,
    "xgb_linear_diabetes/model.json": "booster gblinear is not served; train with booster=gbtree",
    "xgb_multioutput_diabetes/model.ubj": "trees[0]: vector leaves (multi_strategy=multi_output_tree) are not served; train with one_output_per_tree",
    "xgb_old17_iris/model.deprecated": "this is an XGBoost binary model of the old kind: XGBoost itself gave this format up with 3.1. Load it with "
                                       "XGBoost 3.0 or older and save it again with booster.save_model('model.ubj')",
    "xgb_old21_dart_cancer/model.ubj": DART,
}


@pytest.mark.parametrize("path", SAYS)
def test_serve_names_the_file_and_what_is_missing(path):
    ended = run("serve", "--model", f"m={REFUSED / path}", "--listen", "127.0.0.1:0")
    assert ended.returncode == 3 and ended.stdout == ""  # whoever started it need not try again
    assert ended.stderr.splitlines()[-1] == f"error: model m: {REFUSED / path}: {SAYS[path]}"


def test_every_refused_model_is_asked():
    assert set(SAYS) == {path.relative_to(REFUSED).as_posix() for path in REFUSED.glob("*/*")}


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


BROKEN = json.loads((DATA / "broken" / "manifest.json").read_text())
BROKEN_SAYS = json.loads((Path(__file__).parent / "broken_says.json").read_text())


@pytest.mark.parametrize("case", sorted(BROKEN))
def test_inspect_survives_every_broken_file(case):
    told = BROKEN[case]
    path = DATA / "broken" / case / told["file"]
    ended = run("inspect", path, "-o", "json", timeout=30)
    found = json.loads(ended.stdout)
    assert ended.returncode == (1 if "error" in found else 0) and ended.stderr == ""
    assert "error" in found or told["expect"] == "no_crash"
    if "error" in found:  # told by the reader itself, not by the death of the child
        where, reason = found["error"][:len(str(path)) + 2], found["error"][len(str(path)) + 2:]
        assert where == f"{path}: " and "\n" not in reason and "ended by signal" not in reason
        assert BROKEN_SAYS[case] in reason


def test_nothing_is_ever_unpickled(tmp_path):
    """The file leaves a mark in the working directory when it is unpickled."""
    path = DATA / "broken" / "onnx_pickle" / "model.onnx"
    for words, code in ((["inspect", path], 1), (["serve", "--model", f"m={path}", "--listen", "127.0.0.1:0"], 3)):
        ended = subprocess.run([BINARY, *map(str, words)], cwd=tmp_path, capture_output=True, text=True, timeout=30)
        assert ended.returncode == code and f"{path}: this is a Python pickle: unpickling runs whatever code the file holds" in ended.stderr
    assert list(tmp_path.iterdir()) == []
