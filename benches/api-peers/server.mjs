// The API of `GET /api/hello` as most tutorials write it: node server.mjs KIND JWKS-FILE
// KIND: express-cognito-express, express-aws-jwt-verify, fastify-aws-jwt-verify. Keys come from the file, so that nothing
// is downloaded.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { CognitoJwtVerifier } from "aws-jwt-verify";
import express from "express";
import Fastify from "fastify";

const require = createRequire(import.meta.url);
const [kind, file] = process.argv.slice(2);
const jwks = JSON.parse(readFileSync(file, "utf8"));
const userPoolId = "us-east-1_KeyfobDemo";
const clientId = "6keyfobdemodesktop00client";
const greeting = (claims) => `Hi ${claims.username}, your API call is authenticated!`;
const bearer = (request) => (request.headers.authorization ?? "").replace(/^Bearer /, "");
const refuse = { error: "unauthorized" };

function awsJwtVerify() {
  const verifier = CognitoJwtVerifier.create({ userPoolId, tokenUse: "access", clientId });
  verifier.cacheJwks(jwks);
  return verifier;
}

function cognitoExpress() {
  const axios = require("axios");
  axios.defaults.adapter = async (config) => ({ data: jwks, status: 200, headers: {}, config });
  const CognitoExpress = require("cognito-express");
  return new CognitoExpress({ region: "us-east-1", cognitoUserPoolId: userPoolId, tokenUse: "access" });
}

function listening(address) {
  console.log(`Listening on http://127.0.0.1:${address.port}`);
}

if (kind === "fastify-aws-jwt-verify") {
  const verifier = awsJwtVerify();
  const app = Fastify();
  app.addHook("onRequest", async (request, reply) => {
    try {
      request.claims = await verifier.verify(bearer(request));
    } catch {
      return reply.code(401).send(refuse);
    }
  });
  app.get("/api/hello", async (request) => greeting(request.claims));
  await app.listen({ host: "127.0.0.1", port: 0 });
  listening(app.server.address());
} else {
  const checks = {
    "express-aws-jwt-verify": () => {
      const verifier = awsJwtVerify();
      return (token) => verifier.verify(token);
    },
    "express-cognito-express": () => {
      const verifier = cognitoExpress();
      return (token) => verifier.validate(token);
    },
  };
  const check = checks[kind]();
  const app = express();
  app.use(async (request, response, next) => {
    try {
      request.claims = await check(bearer(request));
      next();
    } catch {
      response.status(401).json(refuse);
    }
  });
  app.get("/api/hello", (request, response) => response.type("text/plain").send(greeting(request.claims)));
  const server = app.listen(0, "127.0.0.1", () => listening(server.address()));
}
