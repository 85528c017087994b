"""The image, which all that runs it shares."""

import shutil
from collections.abc import Iterator

import pytest

from tests.deploy.image import Image, built


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    yield built(folder)
    shutil.rmtree(folder)  # two gigabytes, which pytest would keep for three runs
