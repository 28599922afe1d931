//! The page: its text, its looks, its program and its data in one file.

use burnscape_landscape::words as honest;
use serde_json::{Value, json};

const STYLE: &str = include_str!("../../assets/page.css");
const PROGRAM: &str = include_str!("../../assets/page.js");
const PLOTLY: &str = include_str!("../../assets/plotly-strict.min.js");

/// The file.
pub(super) fn page(runs: Vec<Value>) -> String {
    let conclusions: Vec<String> = honest::CONCLUSIONS.iter().map(honest::conclusion).collect();
    let data = data(&json!({ "runs": runs, "conclusions": conclusions }));
    let nonce = nonce(&data);
    let mut page = String::with_capacity(PLOTLY.len() + data.len() + (64 << 10));
    // Nothing is asked of any network, and only the programs below are run.
    page.push_str(&format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src \
         'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri \
         'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>burnscape report</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <main id=\"page\"><h1>burnscape report</h1>\n\
         <noscript>This page draws with JavaScript, which is switched off. Its data are in the \
         element “data” at its end.</noscript></main>\n"
    ));
    page.push_str(&format!("<script nonce=\"{nonce}\">\n{PLOTLY}\n</script>\n"));
    page.push_str("<script type=\"application/json\" id=\"data\">");
    page.push_str(&data);
    page.push_str(&format!(
        "</script>\n<script nonce=\"{nonce}\">\n{PROGRAM}</script>\n</body>\n</html>\n"
    ));
    page
}

/// JSON in which nothing ends its element or begins another.
fn data(told: &Value) -> String {
    told.to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// A word that a name in a run can hardly know, and that is the same for the same run.
fn nonce(data: &str) -> String {
    let forwards = crc32fast::hash(data.as_bytes());
    let salted = crc32fast::hash(format!("{forwards}{data}").as_bytes());
    format!("{forwards:08x}{salted:08x}")
}
