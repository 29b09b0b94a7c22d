// AWS's own token verifier for Node accepts the emulator's tokens and refuses tampered ones.
//
// Reads its parameters as JSON on standard input; writes {accepted: {...}, refused: {name: error name}} as JSON.
// Runs from the folder that has node_modules.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const { JwtVerifier } = require("aws-jwt-verify");
const { SimpleJwksCache } = require("aws-jwt-verify/jwk");
const { validateCognitoJwtFields } = require("aws-jwt-verify/cognito-verifier");

let input = "";
for await (const chunk of process.stdin) input += chunk;
const given = JSON.parse(input);

// The package's own fetcher speaks HTTPS only; everything else about its cache stays.
const fetcher = { fetch: async (uri) => (await fetch(uri)).arrayBuffer() };
// CognitoJwtVerifier insists on AWS's host name in the issuer. Its checks are the same function.
const verifier = (tokenUse, clientId) =>
  JwtVerifier.create(
    {
      issuer: given.issuer,
      jwksUri: `${given.issuer}/.well-known/jwks.json`,
      audience: null,
      customJwtCheck: ({ payload }) => validateCognitoJwtFields(payload, { tokenUse, clientId }),
    },
    { jwksCache: new SimpleJwksCache({ fetcher }) },
  );

const id = verifier("id", given.client_id);
const access = verifier("access", given.client_id);
const accepted = { id: await id.verify(given.id_token), access: await access.verify(given.access_token) };

const segments = (token) => token.split(".");
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const decode = (segment) => JSON.parse(Buffer.from(segment, "base64url"));
const altered = (token, index, change) => {
  const all = segments(token);
  all[index] = encode({ ...decode(all[index]), ...change });
  return all.join(".");
};
const refusal = async (verify) => {
  try {
    await verify();
  } catch (error) {
    return error.constructor.name;
  }
  return "accepted";
};
const [header, payload, signature] = segments(given.id_token);
const refused = {
  changed_user: await refusal(() => id.verify(altered(given.id_token, 1, { "cognito:username": "root" }))),
  changed_scope: await refusal(() => access.verify(altered(given.access_token, 1, { scope: "admin" }))),
  no_algorithm: await refusal(() => id.verify(`${encode({ ...decode(header), alg: "none" })}.${payload}.`)),
  other_key: await refusal(() =>
    id.verify(altered(given.id_token, 0, { kid: decode(segments(given.access_token)[0]).kid })),
  ),
  unknown_key: await refusal(() => id.verify(altered(given.id_token, 0, { kid: "elsewhere" }))),
  other_signature: await refusal(() =>
    id.verify(`${header}.${payload}.${segments(given.access_token)[2]}`),
  ),
  short_signature: await refusal(() => id.verify(`${header}.${payload}.${signature.slice(4)}`)),
  access_as_id: await refusal(() => id.verify(given.access_token)),
  id_as_access: await refusal(() => access.verify(given.id_token)),
  other_client: await refusal(() => verifier("id", "another-client").verify(given.id_token)),
};

console.log(JSON.stringify({ accepted, refused }));
