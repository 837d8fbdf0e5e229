"""Certificates: our own, made where there is none, and whom we trust. An unknown server is refused and its certificate
laid into `rejected/`, so that trusting it is moving a file.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from asyncua.crypto import cert_gen
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from zhizao.errors import InputError, NotAllowed

__all__ = ["Own", "TrustList", "own_certificate", "thumbprint"]

URI = "urn:zhizao:sense"
_SUFFIXES = {".der", ".pem", ".crt", ".cer"}


@dataclass(frozen=True, slots=True)
class Own:
    """Our certificate.

    Parameters
    ----------
    certificate, key : files
    uri : application URI that the certificate names, which a server compares with what we say
    """

    certificate: Path
    key: Path
    uri: str


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 of the certificate in hexadecimal, as OPC UA names certificates."""
    return certificate.fingerprint(SHA1()).hex().upper()


def read_certificate(file: Path) -> x509.Certificate:
    """Read a certificate, DER or PEM.

    Raises
    ------
    InputError : the file is not there or holds none
    """
    try:
        data = file.read_bytes()
        return x509.load_pem_x509_certificate(data) if b"-----BEGIN" in data else x509.load_der_x509_certificate(data)
    except (OSError, ValueError) as error:
        raise InputError(f"no certificate can be read: {error}", where=str(file), code="bad_certificate") from error


def own_certificate(folder: Path, certificate: str = "", key: str = "") -> Own:
    """Our certificate and key; made and kept in `own/` of the folder where none is given.

    Parameters
    ----------
    folder : of the trust list
    certificate, key : files that a user brings; both empty makes a pair once, valid for five years
    """
    if certificate:
        return Own(Path(certificate), Path(key), _uri(read_certificate(Path(certificate))) or URI)
    made, secret = folder / "own" / "certificate.der", folder / "own" / "key.pem"
    if not (made.exists() and secret.exists()):
        secret.parent.mkdir(parents=True, exist_ok=True)
        private = cert_gen.generate_private_key()
        names: list[x509.GeneralName] = [
            x509.UniformResourceIdentifier(URI),
            x509.DNSName(socket.gethostname()),
        ]
        public = cert_gen.generate_self_signed_app_certificate(
            private, "zhizao", {"organizationName": "zhizao"}, names, [ExtendedKeyUsageOID.CLIENT_AUTH], days=5 * 365
        )
        secret.touch(mode=0o600)
        secret.write_bytes(cert_gen.dump_private_key_as_pem(private))
        made.write_bytes(public.public_bytes(Encoding.DER))
    return Own(made, secret, _uri(read_certificate(made)) or URI)


def _uri(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ""
    found = names.value.get_values_for_type(x509.UniformResourceIdentifier)
    return found[0] if found else ""


class TrustList:
    """Whose certificates are believed.

    Parameters
    ----------
    folder : with `trusted/` and `rejected/`, made when something is to be laid there
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def trusted(self) -> list[x509.Certificate]:
        """Certificates that are believed; a file that holds none is passed over."""
        found = []
        place = self.folder / "trusted"
        for file in sorted(place.iterdir()) if place.is_dir() else []:
            if file.suffix.lower() in _SUFFIXES:
                try:
                    found.append(read_certificate(file))
                except InputError:
                    continue
        return found

    def knows(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate, or the authority that signed it, is believed."""
        for one in self.trusted():
            if one == certificate:
                return True
            try:
                certificate.verify_directly_issued_by(one)
            except Exception:  # noqa: BLE001 whatever is wrong with it, it did not sign
                continue
            if _is_authority(one):
                return True
        return False

    def lay_aside(self, certificate: x509.Certificate) -> Path:
        """Lay a refused certificate into `rejected/`, from where it can be moved to `trusted/`."""
        place = self.folder / "rejected"
        place.mkdir(parents=True, exist_ok=True)
        file = place / f"{thumbprint(certificate)}.der"
        if not file.exists():
            file.write_bytes(certificate.public_bytes(Encoding.DER))
        return file

    def demand(self, certificate: x509.Certificate, url: str) -> None:
        """Refuse a server whose certificate is not believed or not valid today.

        Raises
        ------
        NotAllowed : says which certificate it is and how to trust it
        """
        if not self.knows(certificate):
            file = self.lay_aside(certificate)
            raise NotAllowed(
                f"the server's certificate {certificate.subject.rfc4514_string()} ({thumbprint(certificate)}) is not trusted",
                where=url,
                fix=f"compare the thumbprint with the server's, then move {file} to {self.folder / 'trusted'}",
                code="untrusted",
            )
        word = validity(certificate, datetime.now(UTC))
        if word:
            raise NotAllowed(word, where=url, fix="renew the server's certificate, or set the clock", code="expired")


def validity(certificate: x509.Certificate, now: datetime) -> str:
    """What is wrong with the dates of a certificate; empty when nothing is."""
    if now > certificate.not_valid_after_utc:
        return f"the server's certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if now < certificate.not_valid_before_utc:
        return f"the server's certificate is valid only from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on"
    return ""


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
