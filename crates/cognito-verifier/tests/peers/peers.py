"""What PyJWT and joserfc say of each token.

Reads {issuer, client, now, cases: [{use, token, jwks}]} on standard input; writes one list of verdicts per library, each
verdict null where the token was accepted and the name of the exception where it was not. Each library is used as its
documentation says, with what it leaves to the caller (token_use, client_id) compared by hand or by its own means.
"""

import datetime
import importlib.metadata
import json
import sys
import warnings

import joserfc.jwt
import jwt
import jwt.api_jwt
from joserfc.jwk import KeySet

warnings.simplefilter("ignore")
given = json.load(sys.stdin)
issuer, client, now = given["issuer"], given["client"], given["now"]


class Standing(datetime.datetime):
    """The clock of the tokens; PyJWT takes none."""

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(now, tz)


jwt.api_jwt.datetime = Standing


class Refused(Exception):
    """What the caller has to compare."""


def client_claim(use):
    return "client_id" if use == "access" else "aud"


def pyjwt(use, token, jwks):
    kid = jwt.get_unverified_header(token)["kid"]
    claims = jwt.decode(
        token,
        jwt.PyJWKSet.from_dict(jwks)[kid],
        algorithms=["RS256"],
        issuer=issuer,
        audience=client if use == "id" else None,
        options={
            "require": ["iss", "sub", "exp", "token_use", client_claim(use)],
            "verify_aud": use == "id",
        },
    )
    if claims["token_use"] != use:
        raise Refused("token_use")
    if use == "access" and claims["client_id"] != client:
        raise Refused("client_id")


def with_joserfc(use, token, jwks):
    rules = {name: {"essential": True} for name in ("sub", "exp")}
    rules["iss"] = {"essential": True, "value": issuer}
    rules["token_use"] = {"essential": True, "value": use}
    rules[client_claim(use)] = {"essential": True, "value": client}
    decoded = joserfc.jwt.decode(token, KeySet.import_key_set(jwks), algorithms=["RS256"])
    joserfc.jwt.JWTClaimsRegistry(now=now, **rules).validate(decoded.claims)


def verdict(verify, case):
    try:
        verify(case["use"], case["token"], case["jwks"])
    except Exception as refusal:  # A library that crashes refuses too.
        return type(refusal).__name__ if not isinstance(refusal, Refused) else f"by hand: {refusal}"
    return None


json.dump(
    {
        name: {
            "version": importlib.metadata.version(name),
            "verdicts": [verdict(verify, case) for case in given["cases"]],
        }
        for name, verify in (("PyJWT", pyjwt), ("joserfc", with_joserfc))
    },
    sys.stdout,
)
