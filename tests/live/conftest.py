# SPDX-License-Identifier: GPL-2.0-only
import os

import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "sanitized: also run with memwatch under ASan and UBSan")


@pytest.fixture(scope="session", autouse=True)
def root_only():
    # A skip here would hide that nothing was tested.
    assert os.geteuid() == 0, "the live tests set real probes: run them as root"
