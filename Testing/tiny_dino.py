"""A Grounding DINO of half a million random weights with a vocabulary of its own, as a local folder."""

from __future__ import annotations

from pathlib import Path

import torch
from LIMISLib.finding.organs import ORGANS
from transformers import BertConfig, BertTokenizer, GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig

_SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
_FIRST_WORD, _WORDS = 1100, 1200


def tiny_config() -> GroundingDinoConfig:
    return GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=64, patch_size=4, embed_dim=16, depths=[1, 1, 1, 1], num_heads=[1, 2, 2, 2], window_size=4,
            out_indices=[2, 3, 4], drop_path_rate=0.0,
        ),
        text_config=BertConfig(
            vocab_size=_WORDS, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=64,
        ),
        num_queries=20, encoder_layers=1, encoder_ffn_dim=32, encoder_attention_heads=4, decoder_layers=2,
        decoder_ffn_dim=32, decoder_attention_heads=4, d_model=32, num_feature_levels=4, max_text_len=64,
        dropout=0.0, fusion_droppath=0.0,
    )  # fmt: skip


def write_tiny_dino(folder: Path, *, seed: int = 0) -> Path:
    """The folder, as transformers saves a model; [CLS], [SEP], full stop and question mark have BERT's own numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    words = sorted({word for name in ORGANS for word in name.lower().split()})
    entries = dict(_SPECIAL) | {_FIRST_WORD + number: word for number, word in enumerate(words)}
    lines = [entries.get(number, f"[unused{number}]") for number in range(_WORDS)]
    (folder / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    BertTokenizer(str(folder / "vocab.txt"), do_lower_case=True).save_pretrained(str(folder))
    torch.manual_seed(seed)
    GroundingDinoForObjectDetection(tiny_config()).save_pretrained(str(folder))
    return folder
