"""Files that are dangerous to load, with harmless payloads, made without Keras; and commands that prove and compare.

Each case says which releases of Keras it endangers. A payload does nothing but create, or read, one file in a temporary
folder, the canary: `python -m tests.hostile.dangerous.prove` loads the cases in released Keras and looks for it.
"""
