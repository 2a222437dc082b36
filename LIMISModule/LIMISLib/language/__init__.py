"""From a sentence to a command, a question or a rejection: `parse` (docs/limis.md)."""

from LIMISLib.language.parsing import parse

__all__ = ["parse"]
