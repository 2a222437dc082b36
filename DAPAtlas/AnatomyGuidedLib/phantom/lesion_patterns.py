"""How diseases spread: the sites, and for each pattern their shares, how many lesions, how large and how hot.

Shares follow, rounded, how often a site is affected in publications; `docs/phantom_pet.md` has the figures beside
ours. Lymphoma: Mauch et al. 1993 (doi 10.1002/1097-0142(19930315)71:6<2062::AID-CNCR2820710622>3.0.CO;2-0) for the
nodes above the diaphragm, spread over the abdomen too as in advanced stages. Melanoma: Patel et al. 1978
(doi 10.1016/0002-9610(78)90171-X), skin added, heart left out. Lung cancer: 25,103 patients
(doi 10.3390/curroncol29110691) for what lies outside the chest. Counts, diameters and SUV are assumptions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import structures


@dataclass(frozen=True)
class Spread:
    """A log-normal distribution between two limits: its median, the deviation of its logarithm, the limits."""

    median: float
    log_deviation: float
    lowest: float
    highest: float

    def draw(self, rng: np.random.Generator) -> float:
        """One value.

        >>> Spread(10.0, 0.5, 10.0, 10.0).draw(np.random.default_rng(0))
        10.0
        """
        limits = [math.log(limit / self.median) / self.log_deviation for limit in (self.lowest, self.highest)]
        place = float(ndtri(rng.uniform(*ndtr(limits))))
        value = self.median * math.exp(self.log_deviation * place)
        return min(max(value, self.lowest), self.highest)


@dataclass(frozen=True)
class Near:
    """A condition on a lesion's middle: within so many mm of one of these structures."""

    structures: tuple[str, ...]
    within_mm: float


@dataclass(frozen=True)
class Site:
    """Where lesions of one kind begin, what they grow through without cost, and what yields to them.

    `side` ties a lesion to the side of the patient's first one. HU are those of enhanced living tumour.
    """

    hosts: tuple[str, ...]
    near: tuple[Near, ...] = ()
    through: tuple[str, ...] = ()
    yielding: tuple[str, ...] = ()
    hu: tuple[float, float] = (35.0, 70.0)
    largest_mm: float = 80.0
    side: Literal["", "same", "other"] = ""


@dataclass(frozen=True)
class Pattern:
    """One disease: the shares of its sites, where the `first` lesion lies if that is a primary, and how it looks."""

    shares: Mapping[str, float]
    count: Spread
    diameter_mm: Spread
    suv: Spread
    necrotic_share: float
    lobed_share: float
    first: str = ""
    first_diameter_mm: Spread | None = None


def pattern_by_name(name: str) -> Pattern:
    """The pattern of this name.

    Raises:
        AnatomyGuidedError: There is none of this name.
    """
    if name not in PATTERNS:
        raise AnatomyGuidedError(f"The lesion pattern must be one of {', '.join(PATTERNS)}, but came as {name!r}.")
    return PATTERNS[name]


def _pair(*names: str) -> tuple[str, ...]:
    return tuple(f"{name} {side}" for name in names for side in ("Left", "Right"))


def _group(*groups: str) -> tuple[str, ...]:
    return tuple(label.name for label in structures() if label.group in groups)


_LOBES = ("Lung Upper Lobe Right", "Lung Middle Lobe Right", "Lung Lower Lobe Right", "Lung Upper Lobe Left",
          "Lung Lower Lobe Left")  # fmt: skip
_SOFT = ("Fat", "Muscles", "Abdominal Tissue", "Mediastinal Tissue", "Unknown Tissue")
_MUSCLES = ("Muscles", *_pair("Gluteus Maximus", "Gluteus Medius", "Iliopsoas", "Autochthon"))
_VESSELS = tuple(name for name in _group("Cardiovascular") if "Heart" not in name)
_BOWEL = ("Small Bowel", "Colon", "Duodenum", "Stomach")
_MARROW = (*_group("Vertebras", "Ribs"), "Sacrum", "Sternum Manubrium",
           *_pair("Hip", "Femur", "Humerus", "Scapula", "Clavicula"))  # fmt: skip
_RIBS = tuple(name for name in _group("Ribs") if name.startswith("Costa"))
_BONES = tuple(name for name in _MARROW if name != "Rib Cartilage")
_NECK_VESSELS = _pair("Internal Jugular Vein", "Artery Common Carotid", "Artery Internal Carotid")
_ILIAC = _pair("Iliac Artery", "Iliac Vena")


def _nodes(hosts: tuple[str, ...], *near: Near, largest_mm: float = 80.0, also: tuple[str, ...] = ()) -> Site:
    """Lymph nodes: they displace fat and muscle, and lie close against vessels and bowel or around them."""
    return Site(hosts, near, through=_SOFT, yielding=(*_VESSELS, *_MUSCLES, *_BOWEL, *also), largest_mm=largest_mm)


def _mass(hosts: tuple[str, ...], *near: Near) -> Site:
    """Large tumours of limbs and the trunk's wall: they grow through muscles, less into fat, and stop at bone."""
    return Site(hosts, near, through=_group("Musculature"), yielding=("Fat",), hu=(20.0, 70.0), largest_mm=150.0)


SITES: Mapping[str, Site] = {
    "neck nodes": _nodes(_SOFT, Near(_NECK_VESSELS, 14.0), largest_mm=40.0),
    "axillary nodes": _nodes(
        ("Fat", "Muscles"),
        Near(_pair("Artery Subclavian"), 45.0),
        Near(_RIBS, 32.0),
        Near(_pair("Humerus"), 75.0),
        largest_mm=45.0,
    ),
    "mediastinal nodes": _nodes(("Mediastinal Tissue",), Near(("Trachea", "Bronchus", "Aorta"), 30.0), also=_LOBES),
    "hilar nodes": Site(
        _LOBES, (Near(("Bronchus", "Pulmonary Artery"), 9.0),), ("Mediastinal Tissue", "Bronchus", "Pulmonary Artery"),
        _LOBES, largest_mm=35.0, side="same",
    ),
    "retroperitoneal nodes": _nodes(
        ("Abdominal Tissue", "Fat"), Near(("Aorta", "Inferior Vena Cava"), 14.0), Near(("Abdominal Tissue",), 10.0)
    ),
    "mesenteric nodes": _nodes(("Abdominal Tissue",), Near(("Small Bowel",), 12.0)),
    "iliac nodes": _nodes(("Abdominal Tissue", "Fat", "Muscles"), Near(_ILIAC, 11.0), largest_mm=60.0),
    "inguinal nodes": _nodes(
        ("Fat", "Muscles"), Near(_ILIAC, 35.0), Near(_pair("Femur"), 45.0), Near(("Skin",), 32.0), largest_mm=40.0
    ),
    "spleen": Site(("Spleen",), hu=(60.0, 90.0)),
    "liver": Site(("Liver",), yielding=("Portal Vein and Splenic Vein", "Abdominal Tissue"), hu=(45.0, 80.0)),
    "lung": Site(_LOBES, yielding=("Bronchus", "Pulmonary Artery", "Mediastinal Tissue"), hu=(20.0, 60.0)),
    "other lung": Site(_LOBES, yielding=("Bronchus", "Pulmonary Artery"), hu=(20.0, 60.0), side="other"),
    "bone": Site(_BONES, yielding=("Muscles", "Spinal Canal"), hu=(50.0, 450.0), largest_mm=60.0),
    "skull": Site(("Skull",), hu=(50.0, 300.0), largest_mm=30.0),
    "adrenal": Site(_pair("Adrenal Gland"), through=("Abdominal Tissue", "Fat"), largest_mm=60.0),
    "brain": Site(("Brain",), hu=(40.0, 65.0), largest_mm=45.0),
    "bowel": Site(_BOWEL[:3], yielding=("Abdominal Tissue", "Fat"), largest_mm=50.0),
    "subcutis": Site(
        ("Fat",), (Near(("Skin",), 14.0),), ("Skin", *_pair("Breast")), ("Muscles",), largest_mm=45.0
    ),
    "muscle": Site(_MUSCLES, yielding=("Fat",), largest_mm=60.0),
    "beside a hot organ": _nodes(
        ("Abdominal Tissue", "Mediastinal Tissue", "Fat"),
        Near(("Bladder", "Heart Myocardium", "Kidney Left", "Kidney Right"), 9.0),
        largest_mm=30.0,
    ),
    "thigh": _mass(("Muscles",), Near(_pair("Femur"), 60.0)),
    "upper arm": _mass(("Muscles",), Near(_pair("Humerus"), 40.0)),
    "trunk wall": _mass(("Muscles", *_pair("Gluteus Maximus", "Gluteus Medius", "Autochthon"))),
}  # fmt: skip

PATTERNS: Mapping[str, Pattern] = {
    "scattered": Pattern(
        shares={"liver": 18, "lung": 18, "bone": 15, "mediastinal nodes": 11, "retroperitoneal nodes": 8,
                "iliac nodes": 6, "neck nodes": 5, "axillary nodes": 4, "subcutis": 4, "muscle": 3, "adrenal": 3,
                "spleen": 2, "beside a hot organ": 3},
        count=Spread(4.0, 0.7, 1.0, 40.0),
        diameter_mm=Spread(22.0, 0.45, 2.0, 80.0),
        suv=Spread(9.0, 0.4, 2.0, 25.0),
        necrotic_share=0.4,
        lobed_share=0.5,
    ),
    "lymphoma": Pattern(
        shares={"neck nodes": 26, "mediastinal nodes": 24, "axillary nodes": 11, "retroperitoneal nodes": 13,
                "mesenteric nodes": 5, "iliac nodes": 7, "inguinal nodes": 5, "spleen": 4, "liver": 1, "lung": 1,
                "bone": 3},
        count=Spread(8.0, 1.0, 1.0, 90.0),
        diameter_mm=Spread(18.0, 0.55, 2.0, 80.0),
        suv=Spread(8.5, 0.5, 2.0, 25.0),
        necrotic_share=0.12,
        lobed_share=0.5,
    ),
    "melanoma": Pattern(
        shares={"lung": 20, "liver": 16, "subcutis": 12, "bone": 13, "skull": 1, "brain": 8, "bowel": 8,
                "adrenal": 5, "muscle": 5, "axillary nodes": 4, "inguinal nodes": 4, "neck nodes": 2,
                "mediastinal nodes": 2},
        count=Spread(5.0, 1.1, 1.0, 90.0),
        diameter_mm=Spread(12.0, 0.6, 2.0, 80.0),
        suv=Spread(7.5, 0.55, 2.0, 25.0),
        necrotic_share=0.2,
        lobed_share=0.3,
    ),
    "lung-cancer": Pattern(
        shares={"mediastinal nodes": 26, "hilar nodes": 14, "bone": 20, "brain": 9, "liver": 9, "adrenal": 6,
                "other lung": 8, "lung": 5, "neck nodes": 3},
        count=Spread(4.0, 0.9, 1.0, 60.0),
        diameter_mm=Spread(15.0, 0.5, 2.0, 60.0),
        suv=Spread(7.5, 0.5, 2.0, 25.0),
        necrotic_share=0.5,
        lobed_share=0.4,
        first="lung",
        first_diameter_mm=Spread(34.0, 0.5, 6.0, 80.0),
    ),
}  # fmt: skip
