"""What a segmenter can do, for the session, the command line and studies to ask before they use it."""

from __future__ import annotations

from dataclasses import dataclass

from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib.prompt import Prompt


@dataclass(frozen=True)
class Capabilities:
    """Slices (2) or volumes (3), which prompts are understood, whether probabilities come out, whether HU go in.

    Without `probabilities` the threshold has no meaning: pixels are 0 or 1. Without `raw_hu` an image is brought to 0
    to 1 by the prompt's window first, so that a window matters much.
    """

    dimensions: int = 2
    box: bool = True
    clicks: bool = True
    mask: bool = False
    probabilities: bool = True
    raw_hu: bool = True

    def described(self) -> str:
        """In words, for lists.

        >>> Capabilities(mask=True, raw_hu=False).described()
        '2D; box, clicks, mask; probabilities; windowed image'
        """
        prompts = ", ".join(name for name in ("box", "clicks", "mask") if getattr(self, name))
        outcome = "probabilities" if self.probabilities else "mask"
        return f"{self.dimensions}D; {prompts}; {outcome}; {'raw HU' if self.raw_hu else 'windowed image'}"


def require_understood(prompt: Prompt, can: Capabilities, name: str) -> None:
    """Nothing if the segmenter understands all that the prompt holds.

    Raises:
        AnatomyGuidedError: It takes no clicks or no mask, and there are some.
    """
    if prompt.clicks and not can.clicks:
        raise AnatomyGuidedError(
            f"The segmenter {name} takes no clicks; change the box or the window, or start with another --segmenter."
        )
    if prompt.before is not None and not can.mask:
        raise AnatomyGuidedError(f"The segmenter {name} takes no earlier mask as a prompt; leave it out.")
