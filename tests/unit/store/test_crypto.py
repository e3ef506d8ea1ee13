from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from ferrogate.errors import DecryptionError, StoreError
from ferrogate.store.crypto import MASTER_KEY_FILE, Cipher, load_master_key

KEY = bytes(range(32))


def test_what_is_sealed_opens_again() -> None:
    cipher = Cipher(KEY)
    sealed = cipher.seal("sk-schlüssel", "row/1")
    assert cipher.open(sealed, "row/1") == "sk-schlüssel"
    assert b"sk-" not in sealed


def test_sealing_twice_differs() -> None:
    cipher = Cipher(KEY)
    assert cipher.seal("same", "row/1") != cipher.seal("same", "row/1")


@pytest.mark.parametrize("damage", ["other key", "other row", "flipped", "cut", "empty", "version"])
def test_anything_else_is_a_decryption_error(damage: str) -> None:
    cipher = Cipher(KEY)
    sealed, row = cipher.seal("sk-secret-value", "row/1"), "row/1"
    if damage == "other key":
        cipher = Cipher(bytes(32))
    elif damage == "other row":
        row = "row/2"
    elif damage == "flipped":
        sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    elif damage == "cut":
        sealed = sealed[:10]
    elif damage == "empty":
        sealed = b""
    else:
        sealed = b"\x02" + sealed[1:]
    with pytest.raises(DecryptionError, match="GATEWAY_MASTER_KEY") as caught:
        cipher.open(sealed, row)
    assert "sk-secret-value" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        KEY.hex(),
        base64.b64encode(KEY).decode(),
        base64.urlsafe_b64encode(bytes([255] * 32)).decode().rstrip("="),
    ],
)
def test_the_environment_gives_the_key_in_hex_or_base64(tmp_path: Path, text: str) -> None:
    assert load_master_key(tmp_path, {"GATEWAY_MASTER_KEY": text}) in (KEY, bytes([255] * 32))
    assert not (tmp_path / MASTER_KEY_FILE).exists()


@pytest.mark.parametrize("text", ["correct horse battery staple", "abcd", "zz" * 32, "ü" * 44])
def test_a_passphrase_is_refused_with_what_to_type(tmp_path: Path, text: str) -> None:
    with pytest.raises(StoreError, match="openssl rand -base64 32") as caught:
        load_master_key(tmp_path, {"GATEWAY_MASTER_KEY": text})
    assert text not in str(caught.value)


def test_without_one_a_file_is_made_once(tmp_path: Path) -> None:
    first = load_master_key(tmp_path, {})
    file = tmp_path / MASTER_KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_master_key(tmp_path, {}) == first
    assert len(first) == 32


def test_a_damaged_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / MASTER_KEY_FILE).write_text("half a ke")
    with pytest.raises(StoreError, match=MASTER_KEY_FILE):
        load_master_key(tmp_path, {})
    assert (tmp_path / MASTER_KEY_FILE).read_text() == "half a ke"
