"""Which addresses a catalog may send us to."""

import ipaddress
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.photos.addresses import is_public, literal_address

PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]

NOT_PUBLIC = [
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1",  # noqa: S104
    "172.31.255.255",
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "100.100.100.200",
    "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1",
    "::", "::1", "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fc00::1", "fd00:ec2::254",
    "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1", "100::1", "2001::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::7f00:1",
    "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8", "2002:7f00:1::1",
    "2002:a00:1::", "2002:a9fe:a9fe::1",
    "", "localhost", "2130706433", "0x7f000001", "127.1", "not an address", "1.2.3.4.5",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_any_other_is_not(address: str) -> None:
    assert not is_public(address)


PRIVATE_NETWORKS = [
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
    "100.64.0.0/10", "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4",
]  # fmt: skip

private_v4 = st.sampled_from(PRIVATE_NETWORKS).flatmap(lambda n: st.ip_addresses(v=4, network=n))


@settings(derandomize=True, deadline=None, max_examples=500)
@given(address=private_v4, low=st.integers(0, 2**16 - 1))
def test_a_private_address_is_not_public_inside_another_one_either(
    address: ipaddress.IPv4Address, low: int
) -> None:
    number = int(address)
    embedded = [
        0xFFFF << 32 | number,
        number,
        0x64FF9B << 96 | number,
        0x2002 << 112 | number << 80 | low,
    ]
    assert not is_public(str(address))
    for inside in embedded:
        assert not is_public(str(ipaddress.IPv6Address(inside)))


def notations(number: int) -> list[str]:
    """The ways in which systems accept an IPv4 address."""
    a, b, c, d = number.to_bytes(4, "big")
    return [
        f"{a}.{b}.{c}.{d}", str(number), hex(number), f"0{number:o}", f"{a}.{b}.{c << 8 | d}",
        f"{a}.{b << 16 | c << 8 | d}", f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a:#x}.{b << 16 | c << 8 | d}", f"0x{a:02X}.{b}.0{c:o}.{d}", f"{a}.{b}.{c}.{d}.",
        f"[::ffff:{a}.{b}.{c}.{d}]",
    ]  # fmt: skip


@settings(derandomize=True, deadline=None, max_examples=500)
@given(st.integers(0, 2**32 - 1))
def test_any_notation_of_an_address_is_understood_as_the_system_does(number: int) -> None:
    plain = str(ipaddress.IPv4Address(number))
    for text in notations(number)[:-1]:
        assert literal_address(text) == plain
    inside = literal_address(notations(number)[-1])
    assert inside is not None
    assert is_public(inside) == is_public(plain)


@settings(derandomize=True, deadline=None)
@given(st.text(alphabet="0123456789.xabcdefABCDEF:[]%", max_size=20))
def test_what_the_system_takes_for_an_address_is_taken_for_one(text: str) -> None:
    try:
        understood = socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        return
    assert literal_address(text) == understood


@pytest.mark.parametrize(
    "name", ["photos.example", "localhost", "a.b", "xn--bcher-kva.example", ""]
)
def test_a_name_is_no_address(name: str) -> None:
    assert literal_address(name) is None
