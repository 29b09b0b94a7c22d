"""What a job with boto3 does, again and again: once for each line of standard input, until there is no more.

Usage: job.py BUCKET FUNCTION WAY...   WAY is `given` (whatever the environment has) or the name of an AWS profile.
Each line is a JSON object {"own": PREFIX, "other": PREFIX}; each answer is one, on a line, with what each way saw.
"""

import io
import json
import sys

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError, CredentialRetrievalError
from botocore.utils import ContainerMetadataFetcher

bucket, function, *ways = sys.argv[1:]
# A busy machine may take longer than the two seconds after which botocore pauses and asks again. Pauses fail where
# libfaketime moves the clock.
ContainerMetadataFetcher.TIMEOUT_SECONDS = 60
once = Config(retries={"total_max_attempts": 1})
parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
large = bytes(range(256)) * (6 << 12)


def session(way):
    # One for the whole job: it is this one's credentials that are renewed.
    session = boto3.Session(profile_name=None if way == "given" else way)
    return {name: session.client(name, config=once) for name in ("sts", "s3", "lambda")}


def refusal(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "accepted"


def patient(call, **arguments):
    # A busy machine may take more than the two seconds that `credential-process` waits.
    while True:
        try:
            return call(**arguments)
        except CredentialRetrievalError as error:
            if "no answer in time" not in str(error):
                raise


def work(clients, own, other):
    sts, s3, functions = clients["sts"], clients["s3"], clients["lambda"]
    caller = patient(sts.get_caller_identity)
    key = f"{own}boto3 \N{SNOWMAN}.txt"
    s3.put_object(Bucket=bucket, Key=key, Body=b"boto3")
    s3.upload_fileobj(io.BytesIO(large), bucket, f"{own}large", Config=parts)
    back = io.BytesIO()
    s3.download_fileobj(bucket, f"{own}large", back, Config=parts)
    listed = [
        [found["Key"] for found in answer(Bucket=bucket, Prefix=own)["Contents"]]
        for answer in (s3.list_objects, s3.list_objects_v2)
    ]
    read = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}, {"Key": f"{own}large"}]})
    hello = functions.invoke(FunctionName=function, Payload=b'{"name": "boto3"}')
    return {
        "arn": caller["Arn"],
        "account": caller["Account"],
        "read": read,
        "same": back.getvalue() == large,
        "listed": [[name.removeprefix(own) for name in names] for names in listed],
        "left": s3.list_objects_v2(Bucket=bucket, Prefix=own)["KeyCount"],
        "hello": json.load(hello["Payload"])["message"],
        "refused": [
            refusal(s3.put_object, Bucket=bucket, Key=f"{other}theirs.txt", Body=b""),
            refusal(s3.get_object, Bucket=bucket, Key=f"{other}theirs.txt"),
            refusal(s3.list_objects_v2, Bucket=bucket, Prefix=other),
        ],
    }


def beat(clients):
    sts, s3 = clients["sts"], clients["s3"]
    return patient(sts.get_caller_identity)["Arn"], s3.list_objects_v2(Bucket=bucket, Prefix="shared/")["KeyCount"]


sessions = {way: session(way) for way in ways}
for line in sys.stdin:
    given = json.loads(line)
    do = work if given else beat
    print(json.dumps({way: do(clients, **given) for way, clients in sessions.items()}), flush=True)
