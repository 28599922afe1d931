//! `trace.cbor` without the files beside it: every view is drawn as before.

use std::fs;
use std::path::Path;

use burnscape_tui::{
    App, ColourDepth, Glyphs, Message, Run, TerminalProfile, ViewKind, draw_once, read_run,
    render_once,
};
use tempfile::tempdir;

use super::support::example_run;

const SIZES: [(u16, u16); 2] = [(80, 24), (160, 50)];
const PLAIN: TerminalProfile =
    TerminalProfile { colours: ColourDepth::None, glyphs: Glyphs::Braille };

/// Copies the trace, and nothing else, into a folder of the same name.
fn only_trace(run: &Path, folder: &Path) -> Run {
    let copy = folder.join(run.file_name().expect("a name"));
    fs::create_dir_all(&copy).expect("a folder");
    fs::copy(run.join("trace.cbor"), copy.join("trace.cbor")).expect("copied");
    read_run(&copy).expect("a run")
}

/// Asserts that an application draws the same of both runs after the same messages.
fn assert_same(whole: &Run, alone: &Run, view: ViewKind, messages: &[Message]) {
    for (width, height) in SIZES {
        let [expected, found] = [whole, alone].map(|run| {
            let mut app = App::new(run.clone(), view);
            messages.iter().for_each(|message| app.update(*message));
            let mut frame = draw_once(run, view, width, height);
            app.draw(frame.area, &mut frame);
            frame
        });
        assert!(found == expected, "{view:?} {width}×{height} after {messages:?}");
    }
}

#[test]
fn the_trace_alone_draws_every_view_every_slice_and_every_path() {
    for name in ["digits", "convnet"] {
        let dir = tempdir().expect("a folder");
        let folder = example_run(name, dir.path());
        let whole = read_run(&folder).expect("a run");
        let alone = only_trace(&folder, &dir.path().join("copies"));
        for view in ViewKind::ALL {
            for (width, height) in SIZES {
                let [expected, found] =
                    [&whole, &alone].map(|run| render_once(run, view, width, height, &PLAIN));
                assert_eq!(found, expected, "{view:?}");
            }
            assert_same(&whole, &alone, view, &[Message::ToggleWords]);
        }
        let slices = alone.landscapes().iter().len();
        assert!(slices >= 2, "{name} has {slices} slices");
        for steps in 0..slices {
            let mut messages = vec![Message::NextSlice; steps];
            assert_same(&whole, &alone, ViewKind::Landscape, &messages);
            messages.push(Message::NextLayer);
            assert_same(&whole, &alone, ViewKind::Landscape, &messages);
        }
        assert_eq!(alone.damage(), whole.damage());
        assert_draws_what_was_measured(&alone);
    }
}

/// Two frames that say that there is nothing would be equal as well.
fn assert_draws_what_was_measured(alone: &Run) {
    let frame = |view| render_once(alone, view, 160, 50, &PLAIN);
    let landscape = frame(ViewKind::Landscape);
    for words in ["lowest", "highest", "snapshots", "explain"] {
        assert!(landscape.contains(words), "{words}:\n{landscape}");
    }
    assert!(frame(ViewKind::Overview).contains("last loss"));
    assert!(frame(ViewKind::Gradients).contains("weight"));
    assert!(frame(ViewKind::Activations).contains("relu"));
}
