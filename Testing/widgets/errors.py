"""What the widget stand-in raises where Slicer would fail, stay silent, or wait for a person."""


class UnknownName(AttributeError):
    """Slicer's or Qt's class does not have this attribute, signal, slot or property."""


class UnknownClass(AttributeError):
    """Neither Qt, CTK nor Slicer has this class."""


class NotImitated(RuntimeError):
    """Slicer has this, the headless stand-in gives it no behaviour."""


class PopUp(RuntimeError):
    """A dialog would have waited for a person."""


class BadForm(ValueError):
    """A .ui file uses a class, property, signal or slot that does not exist."""
