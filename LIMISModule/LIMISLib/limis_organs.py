"""The organs that the thesis's LIMIS knows: those that all three of its datasets have (3.3.2.3)."""

LIMIS_ORGANS = (
    *("Esophagus", "Stomach", "Duodenum", "Colon", "Gallbladder", "Liver", "Pancreas", "Kidney Left", "Kidney Right"),
    *("Bladder", "Spleen"),
)
