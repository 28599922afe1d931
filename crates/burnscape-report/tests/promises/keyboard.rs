//! A page without a mouse: every part is reached by Tab, in the order of the page, shows that it is, and answers.

use serde_json::{Value, json};

use super::chromium::Chromium;
use super::page::{TWO_FRAMES, assert_calm, full_run, opened, page, painted, unfold};

/// What can be done something with, as far as it is seen, in the order of the page.
const PARTS: &str =
    "[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')]
    .filter(it => it.getClientRects().length && !it.disabled && it.tabIndex >= 0)";

/// Which of these parts has the focus, and how wide the ring around it is; null where none has.
fn at(browser: &mut Chromium) -> Value {
    browser.value(&format!(
        "(() => {{
            const it = document.activeElement, place = {PARTS}.indexOf(it), look = getComputedStyle(it);
            const ring = look.outlineStyle === 'none' ? 0 : parseFloat(look.outlineWidth);
            return place < 0 ? null : [place, ring];
        }})()"
    ))
}

#[test]
fn tab_goes_through_all_parts_in_their_order_and_each_shows_it() {
    let mut run = full_run("norm");
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    unfold(&mut browser);
    let parts = browser.value(&format!("{PARTS}.length")).as_u64().unwrap();
    assert!(parts > 80, "{parts}");
    for part in 0..parts {
        browser.press("Tab");
        let told = at(&mut browser);
        let what = browser.value("document.activeElement.outerHTML.slice(0, 200)");
        assert_eq!(told[0], json!(part), "{what}");
        assert!(told[1].as_f64().unwrap() >= 2.0, "no ring around {what}");
    }
    // Every part says what it is.
    let dumb = browser.value(&format!(
        "{PARTS}.filter(it => !(it.textContent.trim() || it.getAttribute('aria-label') || it.labels?.length)).map(it => it.outerHTML)"
    ));
    assert_eq!(dumb, json!([]));
    assert_calm(&browser);
}

fn focus(browser: &mut Chromium, selector: &str) {
    browser.value(&format!("document.querySelector('{selector}').focus()"));
}

#[test]
fn keys_fold_sections_hide_curves_choose_layers_turn_pages_and_move_the_step() {
    let mut run = full_run("norm");
    let Some(mut browser) = opened(&page(&mut run, 1), 1280, 900) else { return };
    let state = |browser: &mut Chromium, selector: &str, attribute: &str| {
        browser.value(&format!("document.querySelector('{selector}').getAttribute('{attribute}')"))
    };
    let fold = "#histograms > h2 > button";
    for (key, open) in [("Enter", "true"), (" ", "false")] {
        focus(&mut browser, fold);
        browser.press(key);
        assert_eq!(state(&mut browser, fold, "aria-expanded"), open);
    }
    let curve = ".hero .curves .legend button";
    focus(&mut browser, curve);
    browser.press(" ");
    painted(&mut browser);
    assert_eq!(state(&mut browser, curve, "aria-pressed"), "false");
    browser.press(" ");
    painted(&mut browser);
    assert_eq!(state(&mut browser, curve, "aria-pressed"), "true");
    // The second choice of a plane is its accuracy.
    let choice = "#plane-1 .choices button:nth-child(2)";
    focus(&mut browser, choice);
    browser.press("Enter");
    painted(&mut browser);
    assert_eq!(state(&mut browser, choice, "aria-pressed"), "true");
    let label = state(&mut browser, "#plane-1 .holder", "aria-label");
    assert!(label.as_str().unwrap().starts_with("accuracy over a plane"), "{label}");
    let table = "#plane-1 details > summary";
    focus(&mut browser, table);
    browser.press("Enter");
    let rows = "(async () => { await new Promise(done => setTimeout(done)); return document.querySelectorAll('#plane-1 details table tbody tr').length; })()";
    assert_eq!(browser.value(rows), 9);
    focus(&mut browser, ".hero .chart");
    browser.press("Home");
    browser.press("ArrowRight");
    browser.press("ArrowRight");
    browser.value(TWO_FRAMES);
    let told = browser.value("document.querySelector('.hero .curves .legend .at').textContent");
    assert_eq!(told, "at step 2");
    // A link leads to its section and unfolds it.
    focus(&mut browser, "nav a[href=\"#sharpness\"]");
    browser.press("Enter");
    assert_eq!(state(&mut browser, "#sharpness > h2 > button", "aria-expanded"), "true");
    assert_calm(&browser);
}
