"""A real broker for tests: mosquitto as a process, killed and started again at will; and a store in memory."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from zhizao.model import Samples
from zhizao.sense.connection import Taken

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Broker:
    """mosquitto at a port of its own.

    Parameters
    ----------
    folder : for its files
    lines : of its configuration, beside the listener
    """

    def __init__(self, folder: Path, *lines: str) -> None:
        if MOSQUITTO is None:
            pytest.skip("mosquitto is absent: apt-get install mosquitto")
        self.port = free_port()
        self._file = folder / "mosquitto.conf"
        self._file.write_text("\n".join([f"listener {self.port} 127.0.0.1", "user root", *lines]) + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._file)], stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("mosquitto does not listen")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Memory:
    """A store that keeps samples in memory, tells doubled ones, and counts what was refused."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int, str], int] = {}
        self.rows: list[tuple[str, int, float, str | None, int]] = []
        self.refused: dict[str, int] = {}
        self.full = False

    def append(self, batches: Sequence[tuple[str, Samples, Mapping[str, int]]]) -> list[Taken]:
        if self.full:
            raise OSError("no space left on device")
        taken = []
        for _, samples, refused in batches:
            stored = 0
            texts = samples.text if samples.text is not None else [None] * len(samples)
            for row in zip(samples.tag, samples.at, samples.value, texts, samples.quality, strict=True):
                tag, at, value, text, quality = row
                key = (tag, int(at), f"{value!r} {text} {quality}")
                stored += key not in self.kept
                if key not in self.kept:
                    self.rows.append((tag, int(at), float(value), text, int(quality)))
                self.kept[key] = self.kept.get(key, 0) + 1
            for reason, count in refused.items():
                self.refused[reason] = self.refused.get(reason, 0) + count
            taken.append(Taken(stored, len(samples) - stored, refused))
        return taken

    def values(self, tag: str, quality: int | None = 0) -> list[float]:
        return [row[2] for row in sorted(self.rows) if row[0] == tag and (quality is None or row[4] == quality)]


async def until(true: Callable[[], object], what: str, seconds: float = 15.0) -> None:
    """Wait until something is true; fail with a word otherwise."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not in {seconds:g} s: {what}"
        await asyncio.sleep(0.02)


def certificates(folder: Path) -> dict[str, Path]:
    """An authority, and certificates of a broker and a client that it signed."""
    now = datetime.datetime.now(datetime.UTC)

    def made(name: str, signer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None) -> ec.EllipticCurvePrivateKey:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer, signing = signer if signer is not None else (subject, key)
        where = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        identity = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
        usage = x509.KeyUsage(True, False, False, False, False, signer is None, signer is None, False, False)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(where), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(identity, critical=False)
            .add_extension(usage, critical=True)
            .sign(signing, hashes.SHA256())
        )
        files[f"{name}.pem"] = folder / f"{name}.pem"
        files[f"{name}.pem"].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[f"{name}.key"] = folder / f"{name}.key"
        files[f"{name}.key"].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return key

    files: dict[str, Path] = {}
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    key = made("authority", None)
    made("broker", (authority, key))
    made("client", (authority, key))
    return files
