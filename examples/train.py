#!/usr/bin/env python3
"""Trains the example models and writes rows to ask them about. The same files every time.

    python3 -m venv /tmp/examples && /tmp/examples/bin/pip install -r examples/requirements.txt
    /tmp/examples/bin/python examples/train.py

Data: the breast cancer and wine sets that scikit-learn ships (UCI Machine Learning Repository, CC BY 4.0)."""
import csv
import json
from pathlib import Path

import numpy as np
import xgboost
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).resolve().parent
ROWS = 5


def split(data):
    x = data.data.astype(np.float32)
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    return names, *train_test_split(x, data.target, test_size=0.25, random_state=7, stratify=data.target)


def write_rows(name, tensor, columns, rows):
    """The same rows as CSV for people and as a request for curl."""
    with open(HERE / f"{name}.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([[f"{value:g}" for value in row] for row in rows])
    flat = [float(f"{value:g}") for row in rows for value in row]
    request = {"inputs": [{"name": tensor, "shape": list(rows.shape), "datatype": "FP32", "data": flat}]}
    (HERE / f"{name}.json").write_text(json.dumps(request) + "\n")


def tumour():
    """XGBoost, saved in its own JSON: the probability that a tumour is benign. Twice: the second knows more trees."""
    names, x, x_test, y, y_test = split(load_breast_cancer())
    data = xgboost.DMatrix(x, label=y, feature_names=names)
    for folder, depth, trees in (("tumour", 3, 60), ("tumour-2", 4, 90)):
        parameters = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.2, "nthread": 1, "seed": 7}
        model = xgboost.train(parameters, data, num_boost_round=trees)
        model.save_model(HERE / folder / "model.json")
        right = ((model.predict(xgboost.DMatrix(x_test, feature_names=names)) > 0.5) == y_test).mean()
        print(f"{folder}: {right:.1%} of {len(y_test)} unseen rows right")
    write_rows("tumour", "input__0", names, x_test[:ROWS])


def wine():
    """A scikit-learn pipeline, exported to ONNX: which of three growers made a wine."""
    names, x, x_test, y, y_test = split(load_wine())
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x, y)
    # Without ZipMap the probabilities are one tensor instead of a list of dictionaries.
    onnx = to_onnx(model, x[:1], options={id(model): {"zipmap": False}}, name="wine", target_opset=18)
    (HERE / "wine" / "model.onnx").write_bytes(onnx.SerializeToString())
    print(f"wine: {model.score(x_test, y_test):.1%} of {len(y_test)} unseen rows right")
    write_rows("wine", "X", names, x_test[:ROWS])


if __name__ == "__main__":
    for folder in ("tumour", "tumour-2", "wine"):
        (HERE / folder).mkdir(exist_ok=True)
    tumour()
    wine()
