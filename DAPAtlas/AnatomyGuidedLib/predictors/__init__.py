"""Trained models as they are stored, and how an image is prepared for them: ours, nnU-Net's, MONAI's."""
