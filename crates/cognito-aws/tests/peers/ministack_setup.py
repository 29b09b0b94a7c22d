"""Sets up on MiniStack what an organisation has on AWS, and prints what a profile must say of it, as JSON.

Usage: ministack_setup.py ENDPOINT REDIRECT SIGN_OUT_REDIRECT
"""

import io
import json
import sys
import zipfile

import boto3

endpoint, redirect, sign_out_redirect = sys.argv[1:]
session = boto3.Session("test", "test", region_name="us-east-1")


def client(service):
    return session.client(service, endpoint_url=endpoint)


idp = client("cognito-idp")
pool_id = idp.create_user_pool(PoolName="people", UsernameConfiguration={"CaseSensitive": False})["UserPool"]["Id"]
client_id = idp.create_user_pool_client(
    UserPoolId=pool_id,
    ClientName="desktop",
    GenerateSecret=False,
    AllowedOAuthFlowsUserPoolClient=True,
    AllowedOAuthFlows=["code"],
    AllowedOAuthScopes=["openid", "email", "profile"],
    SupportedIdentityProviders=["COGNITO"],
    CallbackURLs=[redirect],
    LogoutURLs=[sign_out_redirect],
    EnableTokenRevocation=True,
)["UserPoolClient"]["ClientId"]
idp.create_user_pool_domain(UserPoolId=pool_id, Domain="people")
idp.admin_create_user(
    UserPoolId=pool_id,
    Username="alex",
    MessageAction="SUPPRESS",
    UserAttributes=[
        {"Name": "name", "Value": "Alex Morgan"},
        {"Name": "email", "Value": "alex@example.com"},
        {"Name": "email_verified", "Value": "true"},
    ],
)
idp.admin_set_user_password(UserPoolId=pool_id, Username="alex", Password="Keyfob-demo-1", Permanent=True)

login = f"cognito-idp.us-east-1.amazonaws.com/{pool_id}"
identity = client("cognito-identity")
identity_pool_id = identity.create_identity_pool(
    IdentityPoolName="people",
    AllowUnauthenticatedIdentities=False,
    AllowClassicFlow=True,
    CognitoIdentityProviders=[{"ProviderName": login, "ClientId": client_id, "ServerSideTokenCheck": False}],
)["IdentityPoolId"]

iam = client("iam")
trust = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": "cognito-identity.amazonaws.com"},
            "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
            "Condition": {
                "StringEquals": {"cognito-identity.amazonaws.com:aud": identity_pool_id},
                "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"},
            },
        }
    ],
}
role_arn = iam.create_role(RoleName="Authenticated", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
identity.set_identity_pool_roles(IdentityPoolId=identity_pool_id, Roles={"authenticated": role_arn})

code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr(
        "index.py",
        "def handler(event, context):\n"
        "    if event.get('fail'):\n"
        "        raise ValueError('The payload asked this function to fail.')\n"
        "    return {'message': 'Hello ' + event['name']}\n",
    )
lambda_ = client("lambda")
arns = [
    lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role_arn,
        Handler="index.handler",
        Code={"ZipFile": code.getvalue()},
    )["FunctionArn"]
    for name in ("hello", "forbidden")
]
for name in ("hello", "forbidden"):
    lambda_.get_waiter("function_active_v2").wait(FunctionName=name)
s3 = client("s3")
s3.create_bucket(Bucket="people-files")
s3.put_object(Bucket="people-files", Key="secret/theirs.txt", Body=b"")
# MiniStack does not know ${cognito-identity.amazonaws.com:sub}.
policy = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arns[0]},
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            "Resource": "arn:aws:s3:::people-files/shared/*",
        },
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::people-files",
            "Condition": {"StringLike": {"s3:prefix": "shared/*"}},
        },
    ],
}
iam.put_role_policy(RoleName="Authenticated", PolicyName="people", PolicyDocument=json.dumps(policy))

json.dump(
    {
        "issuer": f"https://{login}",
        "client_id": client_id,
        "identity_pool_id": identity_pool_id,
        "role_arn": role_arn,
    },
    sys.stdout,
)
