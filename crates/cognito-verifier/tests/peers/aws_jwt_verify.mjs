// What aws-jwt-verify says of each token.
//
// Reads {issuer, client, now, cases: [{use, token, jwks}]} on standard input; writes {"aws-jwt-verify": {version,
// verdicts}}, each verdict null where the token was accepted and the error's name where it was not.
// Runs from the folder that has node_modules.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const { CognitoJwtVerifier } = require("aws-jwt-verify");
const { SimpleJwksCache } = require("aws-jwt-verify/jwk");
const { version } = JSON.parse(readFileSync("node_modules/aws-jwt-verify/package.json"));

let input = "";
for await (const chunk of process.stdin) input += chunk;
const { issuer, client, now, cases } = JSON.parse(input);
Date.now = () => now * 1000;

const verdict = async ({ use, token, jwks }) => {
  // The pool answers with these keys; nothing else of the library's own cache is changed.
  const fetcher = { fetch: async () => new TextEncoder().encode(JSON.stringify(jwks)).buffer };
  const verifier = CognitoJwtVerifier.create(
    { userPoolId: issuer.split("/").pop(), tokenUse: use, clientId: client },
    { jwksCache: new SimpleJwksCache({ fetcher }) },
  );
  try {
    await verifier.verify(token);
    return null;
  } catch (error) {
    return error.constructor.name;
  }
};
const verdicts = [];
for (const each of cases) verdicts.push(await verdict(each));
console.log(JSON.stringify({ "aws-jwt-verify": { version, verdicts } }));
