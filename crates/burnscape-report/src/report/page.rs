//! The page: its text, its looks, its program and its data in one file.
//!
//! Nothing of it comes from elsewhere: what draws is written here, so there is no bundle to build.

use burnscape_landscape::words as honest;
use serde_json::{Value, json};

const STYLE: &str = include_str!("../../assets/page.css");
/// The program, a file per idea, in the order in which they know each other.
const PROGRAM: [&str; 16] = [
    include_str!("../../assets/page/values.js"),
    include_str!("../../assets/page/elements.js"),
    include_str!("../../assets/page/colours.js"),
    include_str!("../../assets/page/scale.js"),
    include_str!("../../assets/page/state.js"),
    include_str!("../../assets/page/download.js"),
    include_str!("../../assets/page/figure.js"),
    include_str!("../../assets/page/chart.js"),
    include_str!("../../assets/page/multiples.js"),
    include_str!("../../assets/page/heat.js"),
    include_str!("../../assets/page/plane.js"),
    include_str!("../../assets/page/map.js"),
    include_str!("../../assets/page/surface.js"),
    include_str!("../../assets/page/summary.js"),
    include_str!("../../assets/page/sections.js"),
    include_str!("../../assets/page/page.js"),
];

/// The file.
pub(super) fn page(runs: Vec<Value>) -> String {
    let conclusions: Vec<String> = honest::CONCLUSIONS.iter().map(honest::conclusion).collect();
    let data = data(&json!({ "runs": runs, "conclusions": conclusions }));
    let nonce = nonce(&data);
    let program = PROGRAM.concat();
    let mut page = String::with_capacity(program.len() + data.len() + (64 << 10));
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
         <main id=\"page\">\n\
         <noscript>This page draws with JavaScript, which is switched off. Its data are in the \
         element “data” at its end.</noscript></main>\n"
    ));
    page.push_str("<script type=\"application/json\" id=\"data\">");
    page.push_str(&data);
    page.push_str(&format!(
        "</script>\n<script nonce=\"{nonce}\">\n\"use strict\";\n(() => {{\n{program}}})();\n</script>\n\
         </body>\n</html>\n"
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
