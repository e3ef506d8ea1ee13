"""The golden file that the engine is held to as well."""

import json
from ipaddress import ip_address
from pathlib import Path

import pytest

from ferrogate.config.addresses import is_refused, literal
from ferrogate.config.urls import base_url

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "addresses.json").read_text())


@pytest.mark.parametrize("address", GOLDEN["refused"])
def test_refused(address):
    assert is_refused(ip_address(address))


@pytest.mark.parametrize("address", GOLDEN["allowed"])
def test_allowed(address):
    assert not is_refused(ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["2852039166", "0xA9FEA9FE", "0251.0376.0251.0376", "169.254.43518", "169.254.169.254.", "fe80::1%eth0"],
)
def test_other_spellings_are_the_same_address(host):
    found = literal(host)
    assert found is not None
    assert is_refused(found)


@pytest.mark.parametrize("host", ["api.openai.com", "1and1.example", "localhost", "0x.example", "a.1"])
def test_a_name_is_no_address(host):
    assert literal(host) is None


def test_a_base_url_says_what_is_wrong():
    with pytest.raises(ValueError, match="link-local or metadata address"):
        base_url("http://0xA9FEA9FE/latest")
    assert base_url("http://192.168.1.10:8000/v1") == "http://192.168.1.10:8000/v1"
