"""python check.py DIR: as check.mjs, for PyJWT; the key is parsed once."""

import json
import sys
import time

import jwt

directory = sys.argv[1]
with open(f"{directory}/jwks.json") as file:
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_json(file.read()).keys}
with open(f"{directory}/good.txt") as file:
    tokens = file.read().split("\n")


def check(token):
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token,
        key.key,
        algorithms=["RS256"],
        issuer="https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI",
        options={"require": ["exp", "iss"], "verify_aud": False},
    )
    assert claims["client_id"] == "4examplec1ient1dkeyfob0001" and claims["token_use"] == "access"


for count in (500, len(tokens)):
    before = time.process_time_ns()
    for token in tokens[:count]:
        check(token)
    each = (time.process_time_ns() - before) / count
print(json.dumps({"PyJWT": each}))
