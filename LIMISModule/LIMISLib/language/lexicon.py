"""What people call the structures: phrases, without articles, "of" and sides, for each DAP name without its side.

Only names that mean the same thing stand here; what fits several structures is listed with each of them, and asking
between them is the reader's business (`structures.py`). Ribs and vertebrae are read by number there.
"""

from __future__ import annotations

from collections.abc import Mapping

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "Muscles": ("muscle tissue", "musculature", "skeletal muscles", "muscle", "skeletal muscle"),
    "Fat": ("fat tissue", "body fat", "adipose tissue"),
    "Esophagus": ("oesophagus", "food pipe", "foodpipe", "gullet"),
    "Stomach": ("gaster", "ventriculus"),
    "Small Bowel": ("small intestine", "intestinum tenue", "bowel", "intestine", "gut"),
    "Colon": ("large intestine", "large bowel", "intestinum crassum", "bowel", "intestine", "gut"),
    "Gallbladder": ("gall bladder", "vesica biliaris", "vesica fellea", "cholecyst", "gb"),
    "Liver": ("hepar",),
    "Kidney": ("ren", "kidneys"),
    "Bladder": ("urinary bladder", "vesica urinaria"),
    "Gonads": ("gonad", "ovary", "ovaries", "testis", "testes", "testicle", "testicles"),
    "Prostate": ("prostate gland", "prostata"),
    "Uterus": ("womb",),
    "Uterocervix": ("cervix", "cervix uteri", "uterine cervix", "cervix uterus", "neck womb"),
    "Breast": ("breasts", "mamma", "mammary gland"),
    "Spinal Canal": ("vertebral canal", "canalis vertebralis"),
    "Brain": ("encephalon",),
    "Spleen": ("lien", "splen"),
    "Adrenal Gland": (
        *("adrenal", "adrenals", "adrenal glands", "suprarenal gland", "suprarenal glands", "suprarenal"),
        *("glandula suprarenalis", "glandula adrenalis"),
    ),
    "Thyroid": (
        *("thyroid gland", "thyroid lobe", "thyroid gland lobe", "lobe thyroid", "lobe thyroid gland"),
        *("glandula thyroidea", "glandula thyreoidea"),
    ),
    "Thymus": ("thymus gland",),
    "Gluteus Maximus": (
        "gluteus maximus muscle",
        "musculus gluteus maximus",
        "gluteus",
        "gluteus muscle",
        "gluteal muscle",
        "gluteals",
        "glute",
    ),
    "Gluteus Medius": (
        "gluteus medius muscle",
        "musculus gluteus medius",
        "gluteus",
        "gluteus muscle",
        "gluteal muscle",
        "gluteals",
        "glute",
    ),
    "Gluteus Minimus": (
        "gluteus minimus muscle",
        "musculus gluteus minimus",
        "gluteus",
        "gluteus muscle",
        "gluteal muscle",
        "gluteals",
        "glute",
    ),
    "Iliopsoas": (
        *("iliopsoas muscle", "psoas", "psoas muscle", "psoas major", "psoas major muscle"),
        *("musculus iliopsoas", "musculus psoas major", "hip flexor"),
    ),
    "Autochthon": (
        *("autochthonous muscle", "autochthonous muscles", "autochthonous back muscle", "autochthonous back muscles"),
        *("erector spinae", "erector spinae muscle", "musculus erector spinae", "back muscle", "back muscles"),
        *("deep back muscle", "deep back muscles"),
    ),
    "Skin": ("cutis",),
    "Vertebra C1": ("atlas vertebra", "atlas"),
    "Vertebra C2": ("axis vertebra", "axis"),
    "Rib Cartilage": (
        "rib cartilages",
        "costal cartilage",
        "costal cartilages",
        "cartilago costalis",
    ),
    "Sternum Corpus": (
        *("corpus sterni", "corpus sternum", "body sternum", "sternal body", "sternum body", "body breastbone"),
        *("sternum", "breastbone", "breast bone"),
    ),
    "Sternum Manubrium": (
        *("manubrium", "manubrium sterni", "manubrium sternum", "handle breastbone", "manubrium breastbone"),
        *("sternum", "breastbone", "breast bone"),
    ),
    "Clavicula": ("clavicle", "clavicles", "collarbone", "collar bone", "collarbones"),
    "Scapula": ("shoulder blade", "shoulderblade", "shoulder blades", "scapulae"),
    "Humerus": ("upper arm bone", "humeri"),
    "Skull": ("cranium",),
    "Hip": ("hip bone", "hipbone", "hips", "pelvic bone", "os coxae", "coxa", "innominate bone"),
    "Sacrum": ("os sacrum", "sacral bone"),
    "Femur": ("thigh bone", "thighbone", "thigh bones", "os femoris", "femurs", "femora"),
    "Heart": ("cor", "whole heart"),
    "Heart Atrium": ("atrium", "atrium heart", "atrium cordis", "cardiac atrium", "auricle heart"),
    "Heart Tissue": ("cardiac tissue",),
    "Heart Myocardium": ("myocardium", "heart muscle", "cardiac muscle", "myocard"),
    "Heart Ventricle": ("ventricle heart", "ventricle", "ventriculus cordis", "cardiac ventricle"),
    "Iliac Artery": (
        "iliac",
        "iliacs",
        "iliac vessel",
        "iliac vessels",
        "iliac arteries",
        "common iliac artery",
        "arteria iliaca",
        "arteria iliaca communis",
    ),
    "Iliac Vena": (
        "iliac",
        "iliacs",
        "iliac vessel",
        "iliac vessels",
        "iliac vein",
        "iliac veins",
        "common iliac vein",
        "vena iliaca",
        "vena iliaca communis",
    ),
    "Inferior Vena Cava": ("ivc", "vena cava inferior", "lower vena cava"),
    "Portal Vein and Splenic Vein": (
        *("portal vein", "splenic vein", "portal and splenic vein", "portal and splenic veins"),
        *("vena portae", "vena lienalis", "vena splenica"),
    ),
    "Celiac Trunk": ("coeliac trunk", "truncus coeliacus", "truncus celiacus", "celiac artery", "coeliac artery"),
    "Lung Lower Lobe": (
        *("lower lobe", "lower lobe lung", "lung lower lobe", "inferior lobe lung", "lower lung lobe", "lower lung"),
        *("inferior lobe", "lobus inferior", "lobus inferior pulmonis", "lung", "lungs", "pulmo", "lung lobe"),
    ),
    "Lung Upper Lobe": (
        *("upper lobe", "upper lobe lung", "lung upper lobe", "superior lobe lung", "upper lung lobe", "upper lung"),
        *("superior lobe", "lobus superior", "lobus superior pulmonis", "lung", "lungs", "pulmo", "lung lobe"),
    ),
    "Lung Middle Lobe": (
        *("middle lobe", "middle lobe lung", "lung middle lobe", "middle lung lobe", "lobus medius"),
        *("lobus medius pulmonis", "lung", "lungs", "pulmo", "lung lobe"),
    ),
    "Bronchus": ("bronchi", "bronchial tree"),
    "Trachea": ("windpipe", "wind pipe"),
    "Pulmonary Artery": ("pulmonary trunk", "arteria pulmonalis", "truncus pulmonalis"),
    "Cheek": ("cheeks", "bucca"),
    "Eyeball": ("eye", "eyes", "eyeballs", "eye ball", "bulbus oculi", "oculus"),
    "Nasal Cavity": ("nose cavity", "cavity nose", "cavum nasi", "cavitas nasi"),
    "Artery Common Carotid": (
        *("common carotid artery", "common carotid", "arteria carotis communis", "carotis communis"),
        *("carotid artery", "carotid", "carotis", "arteria carotis"),
    ),
    "Artery Internal Carotid": (
        *("internal carotid artery", "internal carotid", "arteria carotis interna", "carotis interna"),
        *("carotid artery", "carotid", "carotis", "arteria carotis"),
    ),
    "Internal Jugular Vein": (
        "internal jugular",
        "jugular vein",
        "jugular veins",
        "jugular",
        "internal jugular veins",
        "vena jugularis interna",
    ),
    "Artery Brachiocephalic": (
        *("brachiocephalic artery", "brachiocephalic trunk", "truncus brachiocephalicus", "innominate artery"),
        *("arteria anonyma",),
    ),
    "Vein Brachiocephalic": (
        *("brachiocephalic vein", "brachiocephalic veins", "vena brachiocephalica", "innominate vein", "vena anonyma"),
    ),
    "Artery Subclavian": ("subclavian artery", "subclavian arteries", "subclavian", "arteria subclavia"),
}

LATIN_ORDINALS = (
    *("prima", "secunda", "tertia", "quarta", "quinta", "sexta"),
    *("septima", "octava", "nona", "decima", "undecima", "duodecima"),
)
SPINE_REGIONS: Mapping[str, tuple[str, ...]] = {
    "C": ("cervical", "cervicalis"),
    "T": ("thoracic", "thoracica", "dorsal"),
    "L": ("lumbar", "lumbalis"),
}
LEFT_WORDS = ("left", "sinister", "sinistra", "sinistrum", "lt")
RIGHT_WORDS = ("right", "dexter", "dextra", "dextrum", "rt")
