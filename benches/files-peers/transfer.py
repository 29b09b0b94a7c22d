"""What `cargo xtask bench files` has boto3 do: one file, or a folder's files side by side."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

way, bucket, key, local = sys.argv[1:]
config = Config(s3={"addressing_style": "path"}, max_pool_connections=32)
s3 = boto3.client("s3", config=config)


def transfer(name):
    path = os.path.join(local, name) if name else local
    if way == "up":
        s3.upload_file(path, bucket, key + name)
    else:
        s3.download_file(bucket, key + name, path)


if not key.endswith("/"):
    transfer("")
else:
    if way == "up":
        names = sorted(os.listdir(local))
    else:
        os.makedirs(local, exist_ok=True)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        names = [o["Key"][len(key):] for page in pages for o in page.get("Contents", [])]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(transfer, names))
