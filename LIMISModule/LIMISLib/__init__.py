"""LIMIS: correct a segmentation by language. Sentences become commands; commands become states that can be replayed."""
