"""Grounding DINO from a local folder, its text, and LoRA in the layers that the thesis names (3.3.2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from AnatomyGuidedLib.errors import AnatomyGuidedError
from torch import Tensor, nn

from LIMISLib.finding.dino_checkpoint import original_checkpoint, read_original
from LIMISLib.finding.intensities import Image
from LIMISLib.finding.prompts import prompt_text

_NEEDS_TRANSFORMERS = (
    "Grounding DINO needs transformers and peft, which are not installed: pip install "
    "'slicer-anatomy-guided[transformers]'."
)
_ENDS_LABEL = (0, 101, 102, 1012, 1029)  # [PAD], [CLS], [SEP], full stop, question mark in BERT's vocabulary
LORA_TARGETS = (
    r"(?:.*\.)?encoder\.layers\.\d+\.(?:deformable_layer\.self_attn\."
    r"(?:sampling_offsets|attention_weights|value_proj|output_proj)"
    r"|text_enhancer_layer\.self_attn\.(?:query|key|value|out_proj))"
    r"|(?:.*\.)?decoder\.layers\.\d+\.self_attn\.(?:query|key|value|out_proj)"
)


@dataclass(frozen=True, eq=False)
class Dino:
    """The network and the tokenizer that goes with it."""

    network: nn.Module
    tokenizer: Any

    def inputs(self, images: Image, prompts: Sequence[Sequence[str]]) -> dict[str, Tensor]:
        """What the network takes: normalised slices (n, rows, columns) as three equal channels, and a prompt each."""
        device = next(self.network.parameters()).device
        texts = [prompt_text(labels) for labels in prompts]
        tokens = self.tokenizer(texts, padding=True, return_tensors="pt", return_token_type_ids=True)
        pixels = torch.from_numpy(np.ascontiguousarray(images))[:, None].expand(-1, 3, -1, -1)
        given = {"pixel_values": pixels, "pixel_mask": torch.ones(images.shape, dtype=torch.long), **tokens}
        return {name: value.to(device) for name, value in given.items()}


def read_dino(folder: Path) -> Dino:
    """The model of a folder as transformers saves it; in place of its weights there may be an original checkpoint.

    Nothing is fetched: config.json, the weights and the vocabulary lie in the folder.

    Raises:
        AnatomyGuidedError: Something is missing or damaged, or transformers is not installed.
    """
    try:
        from transformers import AutoTokenizer, GroundingDinoConfig, GroundingDinoForObjectDetection
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise AnatomyGuidedError(_NEEDS_TRANSFORMERS) from error
    disable_progress_bar()  # type: ignore[no-untyped-call]
    if not (folder / "config.json").is_file():
        raise AnatomyGuidedError(
            f"{folder.name} holds no Grounding DINO: expected were config.json, weights, and BERT's vocabulary."
        )
    try:
        network: Any
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        checkpoint = original_checkpoint(folder)
        if checkpoint:
            config = GroundingDinoConfig.from_pretrained(str(folder), local_files_only=True)
            network = GroundingDinoForObjectDetection(config)
            read_original(checkpoint, network)
        else:
            network = GroundingDinoForObjectDetection.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        if isinstance(error, AnatomyGuidedError):
            raise
        raise AnatomyGuidedError(f"Grounding DINO cannot be read from {folder.name}: {error}") from error
    return Dino(network.eval(), tokenizer)


def with_lora(network: nn.Module, *, rank: int, alpha: int) -> Any:
    """The network, frozen, with low-rank changes to its self-attention and deformable self-attention that learn.

    Raises:
        AnatomyGuidedError: peft is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise AnatomyGuidedError(_NEEDS_TRANSFORMERS) from error
    changeable: Any = network
    changeable.get_input_embeddings = changeable.model.text_backbone.get_input_embeddings  # peft asks for it
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=LORA_TARGETS)
    return get_peft_model(changeable, config)


def merged(network: Any) -> nn.Module:
    """The network with the changes added to its weights: as fast as before, with no trace of LoRA."""
    whole: nn.Module = network.merge_and_unload()
    return whole


def label_tokens(tokens: Sequence[int]) -> list[npt.NDArray[np.intp]]:
    """By label of the prompt the places of its tokens.

    >>> [places.tolist() for places in label_tokens([101, 7, 8, 1012, 9, 1012, 102, 0])]
    [[1, 2], [4]]
    """
    is_word = ~np.isin(np.asarray(tokens), _ENDS_LABEL)
    places = np.flatnonzero(is_word)
    return [part for part in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if part.size]


def best_boxes(outputs: Any, tokens: Tensor, shape: tuple[int, int]) -> tuple[npt.NDArray[np.float64], np.ndarray]:
    """By image and label of the prompt the chance (n, labels) and the box (n, labels, 4) in pixels of the surest query.

    A query is as sure of a label as its mean over the label's tokens. All prompts have equally many labels.
    """
    rows, columns = shape
    chances, boxes = outputs.logits.sigmoid().cpu().double().numpy(), outputs.pred_boxes.cpu().double().numpy()
    found = [
        np.stack([one[:, places].mean(axis=1) for places in label_tokens(ids.tolist())])
        for one, ids in zip(chances, tokens, strict=True)
    ]
    best = [by_label.argmax(axis=1) for by_label in found]
    middle_and_size = np.stack([one[query] for one, query in zip(boxes, best, strict=True)])
    middle, half = middle_and_size[..., :2], middle_and_size[..., 2:] / 2
    edges = np.concatenate((middle - half, middle + half), axis=-1) * (columns, rows, columns, rows)
    return np.stack([by_label.max(axis=1) for by_label in found]), edges
