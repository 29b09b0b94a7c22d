"""AWS's own SDK for Python goes from an ID token to a function's answer, and is refused with a wrong secret.

Reads its parameters as JSON on standard input, and writes what it saw as JSON to standard output.
"""

import json
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

given = json.load(sys.stdin)
once = {"retries": {"total_max_attempts": 1}, "proxies": {}}


def client(service, **keys):
    config = Config(**once) if keys else Config(signature_version=UNSIGNED, **once)
    return boto3.client(
        service, region_name=given["region"], endpoint_url=given["endpoint"], config=config, **keys
    )


def refusal(call):
    try:
        call()
    except ClientError as error:
        return {
            "code": error.response["Error"]["Code"],
            "message": error.response["Error"]["Message"],
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
        }
    raise SystemExit("the emulator accepted what it had to refuse")


logins = {given["provider"]: given["id_token"]}
identity = client("cognito-identity")
identity_id = identity.get_id(IdentityPoolId=given["identity_pool_id"], Logins=logins)["IdentityId"]
answer = identity.get_credentials_for_identity(IdentityId=identity_id, Logins=logins)
issued = answer["Credentials"]
keys = {
    "aws_access_key_id": issued["AccessKeyId"],
    "aws_secret_access_key": issued["SecretKey"],
    "aws_session_token": issued["SessionToken"],
}
wrong = {**keys, "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
unknown = {**keys, "aws_access_key_id": "ASIAIOSFODNN7EXAMPLE"}

caller = client("sts", **keys).get_caller_identity()
functions = client("lambda", **keys)
hello = functions.invoke(FunctionName="hello", Payload=b'{"name": "boto3"}', LogType="Tail")
# By ARN and with a query: the path is encoded twice and the query sorted in the signature.
by_arn = functions.invoke(
    FunctionName=given["function_arn"], Qualifier="$LATEST", Payload=b'{"name": "ARN"}'
)
failed = functions.invoke(FunctionName="hello", Payload=b'{"fail": true}')

json.dump(
    {
        "identity_id": identity_id,
        "same_identity": answer["IdentityId"] == identity_id,
        "expiration": issued["Expiration"].timestamp(),
        "arn": caller["Arn"],
        "account": caller["Account"],
        "user_id": caller["UserId"],
        "hello": json.load(hello["Payload"]),
        "executed_version": hello["ExecutedVersion"],
        "log": hello["LogResult"],
        "by_arn": json.load(by_arn["Payload"]),
        "failed": {
            "status": failed["StatusCode"],
            "error": failed["FunctionError"],
            "payload": json.load(failed["Payload"]),
        },
        "event": functions.invoke(FunctionName="hello", InvocationType="Event")["StatusCode"],
        "dry_run": functions.invoke(FunctionName="hello", InvocationType="DryRun")["StatusCode"],
        "refused": {
            "tampered_token": refusal(
                lambda: identity.get_id(
                    IdentityPoolId=given["identity_pool_id"],
                    Logins={given["provider"]: given["tampered_id_token"]},
                )
            ),
            "wrong_secret": refusal(client("sts", **wrong).get_caller_identity),
            "unknown_key": refusal(client("sts", **unknown).get_caller_identity),
            "wrong_secret_at_lambda": refusal(
                lambda: client("lambda", **wrong).invoke(FunctionName="hello")
            ),
            "no_such_function": refusal(lambda: functions.invoke(FunctionName="absent")),
        },
    },
    sys.stdout,
)
