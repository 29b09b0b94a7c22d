//! Measures token checks beside one another, on the processor time of one thread.
//!
//! `verifier-peers corpus DIR` writes the tokens and the key set; `verifier-peers measure DIR` checks every token once with
//! each candidate and prints one JSON object, nanoseconds per token by name. Whoever calls it takes turns and medians.

use std::{collections::BTreeMap, fs, hint::black_box, path::Path, sync::Arc, time::Duration};

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cognito_verifier::{
    ClientIds, JwksCache, UserPool, Verifier,
    test_issuer::{TestIssuer, TestKey},
};
use jwt_authorizer::{Authorizer, JwtAuthorizer, Validation as AuthorizerValidation};
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;
use serde_json::Value;

const ISSUER: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI";
const CLIENT: &str = "4examplec1ient1dkeyfob0001";
const TOKENS: usize = 10_000;
/// Refusals are so quick that fewer tokens do.
const REFUSED: usize = 2_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["corpus", directory] => corpus(Path::new(directory)),
        ["measure", directory] => measure(Path::new(directory)),
        _ => panic!("verifier-peers corpus|measure DIR"),
    }
}

fn corpus(directory: &Path) {
    let pool = TestIssuer::new(ISSUER);
    let token = |n: usize| {
        pool.access_token(CLIENT)
            .claim("jti", format!("{n:08x}-4e5f-4a6b-8c7d-9e0f1a2b3c4d"))
            .claim(
                "scope",
                "openid email profile aws.cognito.signin.user.admin",
            )
            .claim("cognito:groups", ["developers"])
    };
    let lines = |tokens: Vec<String>| tokens.join("\n");
    let write = |name: &str, text: String| fs::write(directory.join(name), text).unwrap();
    write("jwks.json", pool.jwks());
    write(
        "good.txt",
        lines((0..TOKENS).map(|n| token(n).sign()).collect()),
    );
    write(
        "expired.txt",
        lines(
            (0..REFUSED)
                .map(|n| token(n).expired_at(1_700_000_000).sign())
                .collect(),
        ),
    );
    let other = |n| {
        token(n)
            .claim("client_id", "5another1client0000000001")
            .sign()
    };
    write("wrong_client.txt", lines((0..REFUSED).map(other).collect()));
    let stranger = TestKey::stranger();
    write(
        "unknown_key.txt",
        lines(
            (0..REFUSED)
                .map(|n| {
                    token(n)
                        .signed_by(&stranger)
                        .header("kid", format!("bogus-{n}"))
                        .sign()
                })
                .collect(),
        ),
    );
}

/// One candidate: a name, and what it does to one token.
type Check<'a> = (&'static str, &'a [String], Box<dyn FnMut(&str) + 'a>);

fn measure(directory: &Path) {
    let read = |name: &str| -> Vec<String> {
        let text = fs::read_to_string(directory.join(name)).unwrap();
        text.lines().map(str::to_owned).collect()
    };
    let jwks = fs::read_to_string(directory.join("jwks.json")).unwrap();
    let (good, expired) = (read("good.txt"), read("expired.txt"));
    let (wrong_client, unknown_key) = (read("wrong_client.txt"), read("unknown_key.txt"));
    let rubbish: Vec<String> = (0..8).map(|n| format!("{n}.").repeat(1 << 19)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();

    let keys = Arc::new(JwksCache::from_json(jwks.as_bytes()).unwrap());
    let verifier =
        Verifier::access(UserPool::new(ISSUER).unwrap(), ClientIds::only([CLIENT])).with_jwks(keys);
    let remembering = verifier.clone().with_token_cache(TOKENS * 2);
    for token in &good {
        remembering.verify_now(token).unwrap();
    }
    let (raw, inputs) = raw(&jwks, &good);
    let mut next_input = inputs.iter().cycle();
    let mut few = good[..100].iter().cycle();
    let by_jsonwebtoken = jsonwebtoken_check(&jwks);
    let authorizer = runtime.block_on(authorizer(&jwks));

    let refuse = |code: &'static str| {
        let verifier = verifier.clone();
        move |token: &str| assert_eq!(verifier.verify_now(token).unwrap_err().code(), code)
    };
    let mut checks: Vec<Check<'_>> = vec![
        (
            "raw aws-lc",
            &good,
            Box::new(move |_| {
                let (input, signature) = next_input.next().unwrap();
                raw.verify_sig(input, signature).unwrap();
            }),
        ),
        (
            "cognito-verifier",
            &good,
            Box::new(|token| {
                black_box(verifier.verify_now(token).unwrap());
            }),
        ),
        (
            "cognito-verifier, async",
            &good,
            Box::new(|token| {
                black_box(runtime.block_on(verifier.verify(token)).unwrap());
            }),
        ),
        (
            "cognito-verifier, remembered, of 100",
            &good,
            Box::new(|_| {
                black_box(remembering.verify_now(few.next().unwrap()).unwrap());
            }),
        ),
        (
            "cognito-verifier, remembered, of 10000",
            &good,
            Box::new(|token| {
                black_box(remembering.verify_now(token).unwrap());
            }),
        ),
        (
            "jsonwebtoken",
            &good,
            Box::new(|token| by_jsonwebtoken(token)),
        ),
        (
            "jwt-authorizer",
            &good,
            Box::new(|token| {
                black_box(runtime.block_on(authorizer.check_auth(token)).unwrap());
            }),
        ),
        ("refusal: expired", &expired, Box::new(refuse("expired"))),
        (
            "refusal: wrong client",
            &wrong_client,
            Box::new(refuse("wrong_client")),
        ),
        (
            "refusal: unknown key",
            &unknown_key,
            Box::new(refuse("unknown_key")),
        ),
        (
            "refusal: 1 MB of rubbish",
            &rubbish,
            Box::new(refuse("too_large")),
        ),
    ];
    let mut nanos = BTreeMap::new();
    for warm_up in [true, false] {
        for (name, tokens, check) in &mut checks {
            let tokens = if warm_up {
                &tokens[..tokens.len() / 8]
            } else {
                tokens
            };
            let before = processor_time();
            for token in tokens {
                check(token);
            }
            let each = (processor_time() - before).as_nanos() as f64 / tokens.len() as f64;
            nanos.insert(*name, each);
        }
    }
    println!("{}", serde_json::to_string(&nanos).unwrap());
}

/// Of this thread alone: other programs on the machine do not count.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The signature check and nothing else: what was signed and the signature are cut out beforehand.
fn raw(jwks: &str, tokens: &[String]) -> (ParsedPublicKey, Vec<(Vec<u8>, Vec<u8>)>) {
    let jwks: Value = serde_json::from_str(jwks).unwrap();
    let number = |name: &str| {
        URL_SAFE_NO_PAD
            .decode(jwks["keys"][0][name].as_str().unwrap())
            .unwrap()
    };
    let key = RsaPublicKeyComponents {
        n: number("n"),
        e: number("e"),
    };
    let inputs = tokens.iter().map(|token| {
        let (input, signature) = token.rsplit_once('.').unwrap();
        (
            input.as_bytes().to_vec(),
            URL_SAFE_NO_PAD.decode(signature).unwrap(),
        )
    });
    (
        key.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .unwrap(),
        inputs.collect(),
    )
}

/// What a careful user of jsonwebtoken writes: keys by `kid`, built once; issuer, client and use compared.
fn jsonwebtoken_check(jwks: &str) -> impl Fn(&str) {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};

    let set: JwkSet = serde_json::from_str(jwks).unwrap();
    let keys: std::collections::HashMap<String, DecodingKey> = set
        .keys
        .iter()
        .map(|jwk| {
            (
                jwk.common.key_id.clone().unwrap(),
                DecodingKey::from_jwk(jwk).unwrap(),
            )
        })
        .collect();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[ISSUER]);
    validation.validate_aud = false;
    move |token| {
        let kid = decode_header(token).unwrap().kid.unwrap();
        let data = decode::<CognitoClaims>(token, &keys[&kid], &validation).unwrap();
        assert!(data.claims.client_id == CLIENT && data.claims.token_use == "access");
        black_box(data);
    }
}

#[derive(Clone, Debug, Deserialize)]
#[expect(dead_code, reason = "what a handler would read")]
struct CognitoClaims {
    sub: String,
    client_id: String,
    token_use: String,
    username: Option<String>,
    scope: String,
    #[serde(rename = "cognito:groups", default)]
    groups: Vec<String>,
    exp: u64,
}

async fn authorizer(jwks: &str) -> Authorizer<CognitoClaims> {
    JwtAuthorizer::<CognitoClaims>::from_jwks_text(jwks)
        .validation(AuthorizerValidation::new().iss(&[ISSUER]))
        .check(|claims| claims.client_id == CLIENT && claims.token_use == "access")
        .build()
        .await
        .unwrap()
}
