"""Strict stand-in for the widgets of Qt (as PythonQt shows them), CTK and Slicer, on PySide6.

A name that the real class does not have raises; so does a dialog that would wait for a person. What the classes have
is read from `Testing/slicer_api/qt-classes.json`; what they do, where a module file depends on it, is in `behaviours/`.
"""
