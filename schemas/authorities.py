"""The authorities that this machine trusts, as one file."""

import ssl
from pathlib import Path
from typing import Final

#: Debian and Ubuntu; Fedora and its kin; Alpine and macOS.
_BUNDLES: Final = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def machine_authorities() -> str | None:
    """The file; None where there is none.

    The wheel's librdkafka looks for tokens' servers with Fedora's file alone, and neither its ``probe`` nor a folder
    makes it look elsewhere: on Debian no certificate would be good.
    """
    own = ssl.get_default_verify_paths().cafile
    return next((path for path in (own, *_BUNDLES) if path and Path(path).is_file()), None)
