"""A certificate authority for one lab, thrown away with it. Owns the certificate files and who is trusted."""

import shutil
import ssl

import trustme

from p3idp.lab.layout import Layout, write_private


def make_certificates(layout: Layout) -> None:
    """Issue the servers' certificate, once a lab, and lay the authority where Apache's children can read it."""
    if not layout.ca_file.exists():
        layout.folder("tls")
        authority = trustme.CA(organization_name="p3idp lab")
        issued = authority.issue_cert("localhost", "127.0.0.1")
        write_private(layout.tls_key, issued.private_key_pem.bytes().decode())
        write_private(layout.tls_cert, "".join(blob.bytes().decode() for blob in issued.cert_chain_pems))
        # Last: its presence says that the set is whole.
        write_private(layout.ca_file, authority.cert_pem.bytes().decode())
    shutil.copyfile(layout.ca_file, layout.run / "ca.pem")
    (layout.run / "ca.pem").chmod(0o644)


def trust(layout: Layout) -> ssl.SSLContext:
    """A TLS context that trusts the lab's authority and nobody else, whatever the environment says."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(layout.ca_file)
    return context
