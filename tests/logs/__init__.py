"""Tests of `tmnet.logs`."""
