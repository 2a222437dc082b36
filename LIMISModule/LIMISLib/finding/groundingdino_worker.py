"""The worker of groundingdino-py, run by its own environment's interpreter: `PYTHON groundingdino_worker.py FOLDER`.

It stands alone: nothing of ours is imported, because that environment has none of it. `worker_protocol` describes what
it reads and writes. The folder holds a config (.py) of that package, and its checkpoint (.pth).
"""

from __future__ import annotations

import base64
import importlib
import json
import sys
from pathlib import Path
from typing import Any, TextIO

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which the model was trained with
_ENDS_LABEL = (101, 102, 1012, 1029)  # [CLS], [SEP], full stop, question mark in BERT's vocabulary


def main(folder: Path) -> int:
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
            _say(answers, _found(json.loads(line), torch, model))
        except Exception as error:  # noqa: BLE001
            _say(answers, {"error": f"{type(error).__name__}: {error}"})
    return 0


def _found(asked: Any, torch: Any, model: Any) -> dict[str, list[Any]]:
    rows, columns = asked["shape"]
    pixels = torch.frombuffer(bytearray(base64.b64decode(asked["pixels"])), dtype=torch.uint8)
    grey = pixels.reshape(rows, columns).float() / 255
    image = torch.stack([(grey - mean) / deviation for mean, deviation in zip(_MEAN, _DEVIATION)])  # noqa: B905
    caption = " ".join(f"{label} ." for label in asked["labels"])
    with torch.no_grad():
        outputs = model(image[None], captions=[caption])
    sure, placed = outputs["pred_logits"][0].sigmoid(), outputs["pred_boxes"][0]
    boxes, chances = [], []
    for places in _label_places(model.tokenizer(caption)["input_ids"]):
        of_label = sure[:, places].mean(dim=1)
        best = int(of_label.argmax())
        x, y, width, height = placed[best].tolist()
        boxes.append([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
        chances.append(float(of_label[best]))
    return {"boxes": boxes, "chances": chances}


def _label_places(tokens: list[int]) -> list[list[int]]:
    """By label the places of its tokens: those between [CLS], full stops and [SEP]."""
    parts: list[list[int]] = [[]]
    for place, token in enumerate(tokens):
        if token in _ENDS_LABEL:
            parts.append([])
        else:
            parts[-1].append(place)
    return [part for part in parts if part]


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise FileNotFoundError(f"{len(found)} files {pattern} in {folder.name}, but one was expected")
    return found[0]


def _say(stream: TextIO, answer: object) -> None:
    stream.write(json.dumps(answer) + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
