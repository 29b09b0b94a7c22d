//! The way to every host: proxy, name resolution, connection and certificate.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use cognito_client::TransientCause;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::tls::TlsInfo;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::{Host, Url};
use x509_cert::{Certificate, der::Decode as _};

use super::asking::{self, authority};
use super::finding::{Finding, Outcome};

/// What is known of the hosts.
pub(crate) struct Hosts {
    pub(crate) findings: Vec<Finding>,
    looks: BTreeMap<String, Look>,
}

struct Look {
    proxy: Option<String>,
    name: Finding,
    connection: Finding,
    /// What the host says the time is.
    date: Option<SystemTime>,
}

impl Hosts {
    /// Looks at all of them side by side.
    pub(crate) async fn of(urls: &[Url], patience: Duration) -> Self {
        let mut looking = JoinSet::new();
        let mut known = BTreeMap::new();
        for url in urls {
            known.entry(authority(url)).or_insert_with(|| url.clone());
        }
        for (host, url) in known {
            looking.spawn(async move { (host, Look::at(&url, patience).await) });
        }
        let looks: BTreeMap<_, _> = looking.join_all().await.into_iter().collect();
        let mut findings = vec![proxies(&looks)];
        // Ports of one host have one name.
        let names = looks.values().map(|look| &look.name);
        for name in names {
            if findings.last() != Some(name) {
                findings.push(name.clone());
            }
        }
        findings.extend(looks.values().map(|look| look.connection.clone()));
        Self { findings, looks }
    }

    /// Why nothing need be asked of this host.
    pub(crate) fn blocked(&self, url: &Url) -> Option<String> {
        let host = authority(url);
        let look = self.looks.get(&host)?;
        [&look.name, &look.connection]
            .into_iter()
            .find(|finding| finding.outcome == Outcome::Failed)
            .map(|finding| format!("{} of {host} failed", finding.check))
    }

    /// The time by this host.
    pub(crate) fn date(&self, url: &Url) -> Option<SystemTime> {
        self.looks.get(&authority(url))?.date
    }
}

fn proxies(looks: &BTreeMap<String, Look>) -> Finding {
    let by_proxy: Vec<_> = looks
        .iter()
        .filter_map(|(host, look)| Some(format!("{host} by {}", look.proxy.as_ref()?)))
        .collect();
    if by_proxy.is_empty() {
        Finding::ok("proxy", "none is in force for these hosts")
    } else {
        Finding::ok("proxy", by_proxy.join(", "))
    }
}

impl Look {
    async fn at(url: &Url, patience: Duration) -> Self {
        let proxy = proxy(url);
        let name = resolve(url, proxy.is_some(), patience).await;
        let (connection, date) = if name.outcome == Outcome::Failed {
            let because = format!("dns of {} failed", authority(url));
            (Finding::skipped("connection", because), None)
        } else {
            connect(url, proxy.as_deref(), patience).await
        };
        Self {
            proxy,
            name,
            connection,
            date,
        }
    }
}

/// The proxy that Keyfob's requests to this address take, without the user and password it may have.
fn proxy(url: &Url) -> Option<String> {
    let uri = url.as_str().parse().ok()?;
    let proxy = Matcher::from_system().intercept(&uri)?;
    let (scheme, host) = (proxy.uri().scheme_str()?, proxy.uri().host()?);
    Some(match proxy.uri().port_u16() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

async fn resolve(url: &Url, by_proxy: bool, patience: Duration) -> Finding {
    let host = match url.host() {
        Some(Host::Domain(host)) => host,
        Some(address) => return Finding::ok("dns", format!("{address} is an address")),
        None => return Finding::unclear("dns", "the address has no host"),
    };
    let port = url.port_or_known_default().unwrap_or(443);
    let looked_up = timeout(patience, tokio::net::lookup_host((host, port))).await;
    let addresses: Vec<IpAddr> = match looked_up {
        Ok(Ok(addresses)) => addresses.map(|address| address.ip()).collect(),
        Ok(Err(_)) | Err(_) if by_proxy => {
            return Finding::ok(
                "dns",
                format!("{host} is left to the proxy, this network does not know it"),
            );
        }
        Ok(Err(_)) => Vec::new(),
        Err(_) => {
            return Finding::failed(
                "dns",
                "dns_timeout",
                format!("no name server said what {host} is"),
                "Check the network connection and its name servers.",
            );
        }
    };
    match addresses.first() {
        Some(first) => {
            let more = addresses.len() - 1;
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            Finding::ok("dns", format!("{host} is {first}{more}"))
        }
        None => Finding::failed(
            "dns",
            "dns_unknown",
            format!("there is no host {host}"),
            "Compare it with the pool's settings (the profile's `domain`, `issuer`, `region`, `api_base_url`), then check the network and its VPN.",
        ),
    }
}

async fn connect(
    url: &Url,
    proxy: Option<&str>,
    patience: Duration,
) -> (Finding, Option<SystemTime>) {
    const CHECK: &str = "connection";
    let host = authority(url);
    let mut root = url.clone();
    root.set_path("/");
    let Ok(http) = asking::client(patience).build() else {
        let finding = Finding::failed(
            CHECK,
            "no_certificates",
            "the system's TLS certificates cannot be loaded",
            "Check the system's certificate store (on Linux: the package ca-certificates).",
        );
        return (finding, None);
    };
    let answered = timeout(patience, http.get(root.clone()).send()).await;
    let response = match answered {
        Ok(Ok(response)) => response,
        Err(_) => return (no_answer(url, proxy, TransientCause::Timeout), None),
        Ok(Err(error)) if error.is_timeout() => {
            return (no_answer(url, proxy, TransientCause::Timeout), None);
        }
        Ok(Err(_)) => {
            let untrusted = match url.scheme() {
                "https" => untrusted(&root, patience).await,
                _ => None,
            };
            let finding = match untrusted {
                Some(certificate) => Finding::failed(
                    CHECK,
                    "certificate_untrusted",
                    format!(
                        "this computer does not trust the certificate of {host}: {certificate}"
                    ),
                    "If it is your organisation's proxy that issues it, have its certificate authority installed in the system's certificate store; else you are not connected to AWS. A wrong date of this computer has the same effect.",
                ),
                None => no_answer(url, proxy, TransientCause::Unreachable),
            };
            return (finding, None);
        }
    };
    let date = response.headers().get("date");
    let date = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let finding = match (url.scheme(), certificate(&response)) {
        ("https", Some(certificate)) => trusted(url, &name(&certificate.tbs_certificate.issuer)),
        ("https", None) => Finding::ok(
            CHECK,
            format!("{host} answers, and its certificate is trusted"),
        ),
        _ => Finding::ok(CHECK, format!("{host} answers, without TLS")),
    };
    (finding, date)
}

/// What the issuer of a trusted certificate says.
fn trusted(url: &Url, issuer: &str) -> Finding {
    const CHECK: &str = "connection";
    let host = authority(url);
    if is_of_aws(url) && !issuer.contains("O=Amazon") {
        Finding::warning(
            CHECK,
            "tls_inspected",
            format!(
                "{host} answers with a certificate of {issuer}: a proxy on the way reads what is sent"
            ),
            "Keyfob works so. For the AWS CLI and Python set AWS_CA_BUNDLE to a file with that certificate authority.",
        )
    } else {
        Finding::ok(
            CHECK,
            format!("{host} answers; its certificate is issued by {issuer}"),
        )
    }
}

fn no_answer(url: &Url, proxy: Option<&str>, cause: TransientCause) -> Finding {
    let finding = asking::unanswered("connection", url, cause);
    match proxy {
        Some(proxy) => Finding {
            message: format!("{} by the proxy {proxy}", finding.message),
            remedy: Some("Check the proxy (HTTPS_PROXY, NO_PROXY or the system's settings) and the network connection.".into()),
            ..finding
        },
        None => finding,
    }
}

/// The certificate that is not trusted. Whoever it is, they are asked for `/` and told nothing.
async fn untrusted(root: &Url, patience: Duration) -> Option<String> {
    let http = asking::client(patience)
        .tls_danger_accept_invalid_certs(true)
        .build()
        .ok()?;
    let response = timeout(patience, http.get(root.clone()).send()).await;
    let certificate = certificate(&response.ok()?.ok()?)?;
    let certificate = certificate.tbs_certificate;
    Some(format!(
        "it is issued by {} to {}, until {}",
        name(&certificate.issuer),
        name(&certificate.subject),
        certificate.validity.not_after
    ))
}

fn certificate(response: &reqwest::Response) -> Option<Certificate> {
    let tls = response.extensions().get::<TlsInfo>()?;
    Certificate::from_der(tls.peer_certificate()?).ok()
}

/// A name in a certificate (RFC 4514), which a stranger may have written.
fn name(name: &x509_cert::name::Name) -> String {
    let shown: String = name
        .to_string()
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    if shown.is_empty() {
        "nobody".to_owned()
    } else {
        shown
    }
}

/// Hosts whose certificates Amazon issues.
fn is_of_aws(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    [
        ".amazonaws.com",
        ".amazoncognito.com",
        ".amazonaws.eu",
        ".amazonaws.com.cn",
    ]
    .iter()
    .any(|suffix| host.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_reads_what_is_sent_to_aws_is_told_by_name() {
        let judged = |url: &str, issuer: &str| trusted(&url.parse().unwrap(), issuer);
        let aws = "https://cognito-idp.eu-west-1.amazonaws.com/";
        let inspected = judged(aws, "CN=Proxy CA,O=Example Ltd");
        assert_eq!(
            (inspected.outcome, inspected.code),
            (Outcome::Warning, "tls_inspected")
        );
        assert!(inspected.message.contains("CN=Proxy CA,O=Example Ltd"));
        for (url, issuer) in [
            (aws, "CN=Amazon RSA 2048 M01,O=Amazon,C=US"),
            ("https://api.example.com/", "CN=R11,O=Let's Encrypt"),
        ] {
            assert_eq!(judged(url, issuer).outcome, Outcome::Ok, "{url}");
        }
    }
}
