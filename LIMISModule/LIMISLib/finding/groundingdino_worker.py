"""The worker of groundingdino-py, run by the interpreter of its own environment: `PYTHON groundingdino_worker.py FOLDER`.

It stands alone: nothing of ours is imported, because that environment has none of it. `worker_protocol` describes what
it reads and writes. The folder holds a config (.py) of that package, and its checkpoint (.pth).
"""

import base64
import importlib
import json
import sys
from pathlib import Path

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which the model was trained with


def main(folder):
    """Nothing; every line that is read has been answered."""
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever the package prints must not mix with answers
    try:
        inference = importlib.import_module("groundingdino.util.inference")
        torch = importlib.import_module("torch")
        model = inference.load_model(str(_only(folder, "*.py")), str(_only(folder, "*.pth")), device="cpu")
    except Exception as error:  # noqa: BLE001 (whatever it is, the other side must hear of it)
        _say(answers, {"error": f"groundingdino-py cannot be used here ({type(error).__name__}: {error})"})
        return 1
    _say(answers, {"ready": "groundingdino-py"})
    for line in sys.stdin:
        try:
            _say(answers, _found(json.loads(line), inference, torch, model))
        except Exception as error:  # noqa: BLE001
            _say(answers, {"error": f"{type(error).__name__}: {error}"})
    return 0


def _found(asked, inference, torch, model):
    rows, columns = asked["shape"]
    pixels = torch.frombuffer(bytearray(base64.b64decode(asked["pixels"])), dtype=torch.uint8)
    grey = pixels.reshape(rows, columns).float() / 255
    image = torch.stack([(grey - mean) / deviation for mean, deviation in zip(_MEAN, _DEVIATION)])  # noqa: B905
    boxes, chances = [], []
    for label in asked["labels"]:
        found, sure, _ = inference.predict(model, image, f"{label} .", 0.0, 0.0, device="cpu")
        best = int(sure.argmax()) if len(sure) else -1
        x, y, width, height = found[best].tolist() if len(sure) else (0.0, 0.0, 0.0, 0.0)
        boxes.append([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
        chances.append(float(sure[best]) if len(sure) else 0.0)
    return {"boxes": boxes, "chances": chances}


def _only(folder, pattern):
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise FileNotFoundError(f"{len(found)} files {pattern} in {folder.name}, but one was expected")
    return found[0]


def _say(stream, answer):
    stream.write(json.dumps(answer) + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
