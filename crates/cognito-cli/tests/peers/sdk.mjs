// What a program with AWS's SDK for JavaScript does, with each of three kinds of credentials.
//
// Reads its parameters as JSON on standard input; writes {KIND: what it saw} as JSON.
// Runs from the folder that has node_modules.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const { S3Client, PutObjectCommand, GetObjectCommand, ListObjectsV2Command } = require("@aws-sdk/client-s3");
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
const providers = require("@aws-sdk/credential-providers");

let input = "";
for await (const chunk of process.stdin) input += chunk;
const { region, endpoint, bucket, own, other, profile, identityPoolId, logins } = JSON.parse(input);

// A busy machine may take more than the two seconds that `credential-process` waits.
const patient = (provide) => async () => {
  for (;;) {
    try {
      return await provide();
    } catch (error) {
      if (!error.message.includes("no answer in time")) throw error;
    }
  }
};
const kinds = {
  fromProcess: patient(providers.fromProcess({ profile })),
  fromCognitoIdentityPool: providers.fromCognitoIdentityPool({
    identityPoolId,
    logins,
    clientConfig: { region, endpoint },
  }),
  // AWS_CONTAINER_CREDENTIALS_FULL_URI, as the chain of defaults takes it.
  given: providers.fromNodeProviderChain(),
};

const refusal = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error.name;
  }
  return "accepted";
};

const seen = {};
for (const [kind, credentials] of Object.entries(kinds)) {
  const config = { region, endpoint, credentials, maxAttempts: 1 };
  const s3 = new S3Client(config);
  const send = (Command, more) => s3.send(new Command({ Bucket: bucket, ...more }));
  const caller = await new STSClient(config).send(new GetCallerIdentityCommand());
  const Key = `${own}${kind} ☃.txt`;
  await send(PutObjectCommand, { Key, Body: kind });
  const read = await send(GetObjectCommand, { Key });
  const listed = await send(ListObjectsV2Command, { Prefix: own });
  seen[kind] = {
    arn: caller.Arn,
    read: await read.Body.transformToString(),
    listed: listed.Contents.some((found) => found.Key === Key),
    refused: [
      await refusal(send(PutObjectCommand, { Key: `${other}theirs.txt`, Body: kind })),
      await refusal(send(ListObjectsV2Command, { Prefix: other })),
    ],
  };
}
console.log(JSON.stringify(seen));
