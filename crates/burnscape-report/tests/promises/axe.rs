//! What axe-core, the checker of accessibility that browsers use, says of pages. It is not part of this repository:
//! `npm pack axe-core`, and `BURNSCAPE_AXE` names its `axe.min.js`.

use std::path::Path;

use serde_json::{Value, json};

use super::chromium::Chromium;
use super::page::{TWO_FRAMES, full_run, opened, page_of, unfold};
use super::support::TestRun;

/// How a page is looked at: width, medium and colours.
const LOOKS: [(u32, &str, &str); 4] =
    [(1280, "", "light"), (1280, "", "dark"), (718, "print", "light"), (390, "", "light")];

const RUN: &str =
    "axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.map(it =>
    ({ rule: it.id, impact: it.impact, places: it.nodes.map(node => node.target.join(' ')) })))";

fn violations(
    browser: &mut Chromium,
    axe: &str,
    (width, medium, scheme): (u32, &str, &str),
) -> Vec<Value> {
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
    browser.call("Emulation.setEmulatedMedia", json!({ "media": medium, "features": features }));
    let size =
        json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
    browser.call("Emulation.setDeviceMetricsOverride", size);
    browser.value(TWO_FRAMES);
    browser.value(&format!("{axe}; 1"));
    browser.value(RUN).as_array().unwrap().clone()
}

#[test]
#[ignore = "needs axe-core from npm, named by BURNSCAPE_AXE"]
fn axe_finds_nothing_on_pages_of_one_three_and_nine_runs() {
    let axe = std::env::var("BURNSCAPE_AXE").expect("BURNSCAPE_AXE names axe.min.js");
    let axe = std::fs::read_to_string(Path::new(&axe)).unwrap();
    for count in [1, 3, 9] {
        let mut runs: Vec<TestRun> = (0..count).map(|_| full_run("norm")).collect();
        let Some(mut browser) = opened(&page_of(&mut runs), 1280, 900) else { return };
        unfold(&mut browser);
        for look in LOOKS {
            let found = violations(&mut browser, &axe, look);
            println!("{count} runs, {look:?}: {} violations", found.len());
            assert!(found.is_empty(), "{count} runs, {look:?}: {found:#?}");
        }
    }
}
