"""operator/vipkeeper/spec/nginx_upstream.py"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from vipkeeper.spec.nginx_upstream import ServiceReference


@pytest.mark.parametrize("port", [1, 80, 65535, "http", "http-2", "a" * 15])
def test_a_service_port_is_a_number_or_a_name(port: int | str) -> None:
    assert ServiceReference.model_validate({"namespace": "a", "name": "b", "port": port}).port == port


@pytest.mark.parametrize("port", [0, 65536, True, 80.0, "80", "", "a" * 16, "HTTP", "-a", None, "a\n"])
def test_and_nothing_else(port: object) -> None:
    with pytest.raises(ValidationError, match="port"):
        ServiceReference.model_validate({"namespace": "a", "name": "b", "port": port})
