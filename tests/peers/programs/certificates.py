"""A certificate authority of the tests, made with openssl."""

import subprocess
from pathlib import Path


class Authority:
    """`file`: its own certificate, PEM, for those who shall believe it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.file = folder / "authority.pem"
        self._key = folder / "authority.key"
        self._openssl(
            "req", "-x509", *self._new_key(self._key), "-out", str(self.file), "-days", "2", "-subj", "/CN=authority of the tests"
        )

    def certify(self, address: str) -> tuple[Path, Path]:
        """Certificate and key of the server at this IPv4 address."""
        key, request, certificate = (self._folder / f"server.{suffix}" for suffix in ("key", "csr", "pem"))
        self._openssl("req", "-new", *self._new_key(key), "-out", str(request), "-subj", f"/CN={address}")
        extensions = self._folder / "extensions"
        extensions.write_text(f"subjectAltName=IP:{address}\n")
        signed_by = ("-CA", str(self.file), "-CAkey", str(self._key), "-CAcreateserial", "-extfile", str(extensions))
        self._openssl("x509", "-req", "-in", str(request), "-out", str(certificate), "-days", "2", *signed_by)
        return certificate, key

    @staticmethod
    def _new_key(file: Path) -> tuple[str, ...]:
        return ("-newkey", "rsa:2048", "-nodes", "-keyout", str(file))

    @staticmethod
    def _openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)
