"""Makes certificates.json: certificates for the tests of model signing, good ones and bad ones.

Run it with a Python that has `cryptography`. Keys and serial numbers are new each time; the names,
dates and extensions are what the tests are about. The private keys in it protect nothing.
"""

import datetime
import json
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def day(year, month=1):
    return datetime.datetime(year, month, 1, tzinfo=datetime.timezone.utc)


def usage(*names):
    known = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    ).split()
    return (x509.KeyUsage(**{name: name in names for name in known}), True)


def purposes(*oids):
    return (x509.ExtendedKeyUsage(oids), False)


def basic(ca, length=None):
    return (x509.BasicConstraints(ca=ca, path_length=length), True)


CODE = purposes(ExtendedKeyUsageOID.CODE_SIGNING)
TLS = purposes(ExtendedKeyUsageOID.SERVER_AUTH)
SIGN = usage("digital_signature")
CERT_SIGN = usage("key_cert_sign", "crl_sign")
CRITICAL = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00"), True)
INSIDE = (x509.NameConstraints([x509.DNSName("example.invalid")], None), True)

out = {"certificates": {}, "keys": {}}
keys, names = {}, {}


def make(name, issuer, extensions, key=None, start=day(2026), end=day(2056), subject=None):
    key = key or ec.generate_private_key(ec.SECP256R1())
    keys[name] = key
    subject = name if subject is None else subject
    common = [x509.NameAttribute(NameOID.COMMON_NAME, subject)] if subject else []
    names[name] = x509.Name(common)
    builder = (
        x509.CertificateBuilder()
        .subject_name(names[name])
        .issuer_name(names[issuer or name])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(keys[issuer or name], hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    out["certificates"][name] = pem


def leaf(name, extensions, issuer="ca", key=None, **more):
    make(name, issuer, extensions, key=key or signer, **more)


signer = ec.generate_private_key(ec.SECP256R1())
others = {"P-384": ec.generate_private_key(ec.SECP384R1()), "P-521": ec.generate_private_key(ec.SECP521R1())}

make("root", None, [basic(True), CERT_SIGN], key=ec.generate_private_key(ec.SECP384R1()))
make("other root", None, [basic(True), CERT_SIGN])
make("ca", "root", [basic(True, 0), CERT_SIGN])
# The same name and another key.
make("false ca", "other root", [basic(True, 0), CERT_SIGN], subject="ca")
make("no ca", "root", [basic(False), CERT_SIGN])
make("no basic constraints", "root", [CERT_SIGN])
make("no cert sign", "root", [basic(True), SIGN])
make("old ca", "root", [basic(True), CERT_SIGN], start=day(2026), end=day(2026, 2))
make("sub ca", "ca", [basic(True), CERT_SIGN])
make("named ca", "root", [basic(True), CERT_SIGN, INSIDE])
make("tls ca", "root", [basic(True), CERT_SIGN, TLS])
make("weak ca", "root", [basic(True), CERT_SIGN], key=rsa.generate_private_key(65537, 1024))

good = [basic(False), SIGN, CODE]
leaf("leaf", good)
leaf("leaf P-384", good, key=others["P-384"])
leaf("leaf P-521", good, key=others["P-521"])
leaf("no name", [*good, (x509.SubjectAlternativeName([x509.RFC822Name("a@example.invalid")]), True)], subject="")
leaf("purpose only", [CODE])
leaf("usage only", [SIGN])
leaf("expired", good, end=day(2026, 2))
leaf("not yet", good, start=day(2050))
leaf("no signing", [basic(False), usage("key_encipherment"), CODE])
leaf("for tls", [basic(False), SIGN, TLS])
leaf("for nothing", [basic(False)])
leaf("critical", [*good, CRITICAL])
leaf("rsa", good, key=rsa.generate_private_key(65537, 2048))
for issuer in ("no ca", "no basic constraints", "no cert sign", "old ca", "sub ca", "named ca", "tls ca", "weak ca"):
    leaf(f"by {issuer}", good, issuer=issuer)
leaf("forged", good, issuer="false ca")
make("self signed", None, [SIGN, CODE], key=signer)

for curve, key in {"P-256": signer, **others}.items():
    out["keys"][curve] = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()

path = pathlib.Path(__file__).with_name("certificates.json")
path.write_text(json.dumps(out, indent=2) + "\n")
