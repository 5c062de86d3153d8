"""What setup.cfg cannot say: all folders of tmnet are packages, and two lie beside it."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["tmnet", "tmnet.*"]), "tmnet.data", "tmnet.notebooks"])
