// node check.mjs DIR: checks every token of DIR/good.txt once with each of Node's peers, and prints nanoseconds of processor
// time per token by name. Keys come from the file, so that nothing is downloaded. The packages are those of ../api-peers.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../api-peers/package.json", import.meta.url));
const { CognitoJwtVerifier } = require("aws-jwt-verify");
const directory = process.argv[2];
const jwks = JSON.parse(readFileSync(`${directory}/jwks.json`, "utf8"));
const tokens = readFileSync(`${directory}/good.txt`, "utf8").split("\n");
const userPoolId = "eu-west-1_AbCdEfGhI";

const byAws = CognitoJwtVerifier.create({ userPoolId, tokenUse: "access", clientId: "4examplec1ient1dkeyfob0001" });
byAws.cacheJwks(jwks);
const axios = require("axios");
axios.defaults.adapter = async (config) => ({ data: jwks, status: 200, headers: {}, config });
const CognitoExpress = require("cognito-express");
const byExpress = new CognitoExpress({ region: "eu-west-1", cognitoUserPoolId: userPoolId, tokenUse: "access" });

const candidates = {
  "aws-jwt-verify": async (token) => byAws.verifySync(token),
  "cognito-express": (token) => byExpress.validate(token),
};
const nanos = {};
for (const count of [1000, tokens.length]) {
  for (const [name, check] of Object.entries(candidates)) {
    const before = process.cpuUsage();
    for (const token of tokens.slice(0, count)) await check(token);
    const { user, system } = process.cpuUsage(before);
    nanos[name] = ((user + system) * 1000) / count;
  }
}
console.log(JSON.stringify(nanos));
