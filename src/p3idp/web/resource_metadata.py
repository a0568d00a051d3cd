"""``GET /.well-known/oauth-protected-resource`` (RFC 9728): what `p3idp login --broker` reads. Owns the address."""

from collections.abc import Mapping

from flask import Blueprint, Response, jsonify

PATH = "/.well-known/oauth-protected-resource"


def metadata_blueprint(document: Mapping[str, object]) -> Blueprint:
    """The document at its address; it holds nothing that a stranger may not know."""
    blueprint = Blueprint("resource_metadata", __name__)

    @blueprint.get(PATH)
    def metadata() -> Response:
        return jsonify(document)

    return blueprint
