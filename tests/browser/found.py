"""Whether there is a browser, and a driver for it."""

import importlib.util
import shutil


def chromium():
    """The path of the browser; None if there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def absent(*modules):
    """Those of some packages that are not installed."""
    return [module for module in modules if importlib.util.find_spec(module) is None]


def missing():
    """What the tests with a browser lack here; empty if they can run."""
    lacking = []
    if chromium() is None:
        lacking.append("Chromium (Debian: apt-get install chromium)")
    for module, package in (("playwright", "playwright"), ("py_mini_racer", "mini-racer"), ("nbclient", "nbclient")):
        if importlib.util.find_spec(module) is None:
            lacking.append(f"{module} (pip install {package})")
    return lacking
