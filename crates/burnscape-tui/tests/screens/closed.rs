//! What views say of a run that is over: nothing more will come, so nothing is missing "yet".

use super::support::Synthetic;
use super::support::screen::Screen;
use burnscape_trace::{End, Nodes, Record, Step, record};
use burnscape_tui::{Run, ViewKind};

const SIZES: [(u16, u16); 4] = [(80, 24), (100, 40), (200, 60), (60, 12)];

fn end(reason: &str) -> Record {
    Record::End(record!(End { reason: reason.into() }))
}

/// Runs that lack more and more, without their end.
fn lacking() -> Vec<(&'static str, Vec<Record>)> {
    let synthetic =
        Synthetic { steps: 3, with_slice: false, with_end: false, ..Synthetic::default() };
    let steps = synthetic.records();
    let bare_steps = vec![Record::Head(synthetic.head()), Record::Step(Step::default())];
    let of_slice = Synthetic { with_end: false, ..Synthetic::default() };
    let mut partly = steps.clone();
    partly.push(Record::Slice(of_slice.slice()));
    let nodes = of_slice.nodes();
    let few = record!(Nodes {
        index: nodes.index[..9].to_vec().into(),
        loss: nodes.loss[..9].to_vec().into(),
        stderr: nodes.stderr[..9].to_vec().into(),
        ..nodes.clone()
    });
    let mut few_nodes = partly.clone();
    few_nodes.push(Record::Nodes(few));
    vec![
        ("nothing", Vec::new()),
        ("a head", vec![Record::Head(synthetic.head())]),
        ("steps without numbers", bare_steps),
        ("steps", steps),
        ("a slice without nodes", partly),
        ("a slice with few nodes", few_nodes),
    ]
}

fn run(records: &[Record]) -> Run {
    let mut run = Run::named("closed");
    records.iter().for_each(|record| run.apply(record));
    run
}

/// All that a view says, with the words of what is looked at closely.
fn said(run: &Run, view: ViewKind, size: (u16, u16)) -> String {
    let mut screen = Screen::new(run.clone(), view, size);
    ["", "\n", "→", "z", "\n"].map(|keys| screen.press(keys).text()).concat()
}

fn says_yet(text: &str) -> bool {
    text.split(|it: char| !it.is_alphabetic()).any(|word| word == "yet")
}

#[test]
fn nothing_is_missing_yet_of_a_run_that_is_over() {
    for (what, records) in lacking() {
        for reason in ["finished", "interrupted", "failed", "dropped"] {
            let records = [&records[..], &[end(reason)]].concat();
            for (view, size) in
                ViewKind::ALL.into_iter().flat_map(|it| SIZES.map(|size| (it, size)))
            {
                let text = said(&run(&records), view, size);
                assert!(!says_yet(&text), "{what}, {reason}, {view:?} on {size:?}: {text}");
            }
        }
    }
}

#[test]
fn of_a_run_that_goes_on_it_is_said_what_is_still_to_come() {
    let steps = &lacking()[3].1;
    let said = |view| said(&run(steps), view, (80, 24));
    assert!(said(ViewKind::Landscape).contains("No slice of the landscape yet"));
    assert!(says_yet(&said(ViewKind::Sharpness)) && says_yet(&said(ViewKind::Activations)));
}

#[test]
fn a_closed_run_without_a_slice_says_how_to_measure_one() {
    let records = [&lacking()[3].1[..], &[end("finished")]].concat();
    let text = said(&run(&records), ViewKind::Landscape, (80, 24));
    assert!(text.contains("was measured") && text.contains("probe.finish"), "{text}");
}
