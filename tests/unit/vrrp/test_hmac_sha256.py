from __future__ import annotations

import hmac
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipkeeper.vrrp.hmac_sha256 import HmacKey


@given(st.binary(max_size=64), st.binary(max_size=300))
def test_it_is_the_hmac_of_the_standard_library(key: bytes, data: bytes) -> None:
    assert HmacKey(key).digest(data) == hmac.digest(key, data, "sha256")


def test_a_key_signs_more_than_once() -> None:
    key = HmacKey(b"k" * 32)
    assert [key.digest(b"a"), key.digest(b"b"), key.digest(b"a")] == [
        hmac.digest(b"k" * 32, data, "sha256") for data in (b"a", b"b", b"a")
    ]


def test_a_key_longer_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="65 bytes"):
        HmacKey(bytes(65))


def test_a_python_without_its_own_sha_256_takes_the_one_of_hashlib() -> None:
    program = (
        "import sys; sys.modules['_sha2'] = sys.modules['_sha256'] = None;"
        "from vipkeeper.vrrp.hmac_sha256 import HmacKey; print(HmacKey(b'key').digest(b'data').hex())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == hmac.digest(b"key", b"data", "sha256").hex()


def loaded_after(imports: str) -> set[str]:
    """The modules of a Python that did nothing but import these."""
    program = f"import sys; import {imports}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_without_keys_nothing_of_the_trailer_is_loaded() -> None:
    loaded = loaded_after("vipkeeper.vrrp.packet, vipkeeper.vrrp.router, vipkeeper.vrrp.advert_cache")
    assert "vipkeeper.vrrp.router" in loaded
    assert not {"vipkeeper.vrrp.trailer", "vipkeeper.vrrp.hmac_sha256", "hmac", "hashlib", "_hashlib"} & loaded


def test_with_keys_openssl_is_not_loaded() -> None:
    """3.7 MiB that the engine has not got."""
    loaded = loaded_after("vipkeeper.vrrp.trailer")
    assert "vipkeeper.vrrp.hmac_sha256" in loaded
    assert not {"hmac", "hashlib", "_hashlib", "_ssl"} & loaded
