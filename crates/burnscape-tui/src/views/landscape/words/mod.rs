//! What a picture of a slice does not show, in words: short ones to flow below it, and sentences.

mod basins;
mod lines;
mod live;
mod node;
mod path;
mod progress;
mod slice;
mod study;
mod values;

use ratatui::text::Line;

use super::cursor::Cursor;
use super::picture::Picture;
use crate::model::{
    Caveat, Landscape, Run, caveat_of_plan, caveat_of_stop, caveats_of_checks, caveats_of_path,
    caveats_of_slice, components,
};
use crate::numbers::loss;
use crate::widgets::facts::{self, Fact, Tone};
use crate::widgets::text;

use self::lines::{heading, paragraph, wrapped};
pub(super) use self::live::LivePath;
pub(crate) use self::values::extremes;

/// The training loss of the last step.
pub(crate) fn last_loss(run: &Run) -> Fact {
    match run.last_loss() {
        Some(value) => Fact::new("last loss", loss(value)).toned(tone_of(value)),
        None => Fact::new("last loss", "none"),
    }
}

/// How many snapshots there are.
pub(crate) fn snapshots(run: &Run) -> Fact {
    Fact::new("snapshots", run.snapshots().to_string())
}

/// Words that go with a picture.
pub(super) trait Words {
    /// Lines of short facts, the weightiest first.
    fn compact(&self, width: usize) -> Vec<Line<'static>>;

    /// A column of facts and sentences.
    fn sentences(&self, width: usize) -> Vec<Line<'static>>;

    /// What there is to say of the value at the cursor.
    fn inspected(&self, _width: usize) -> Vec<Line<'static>> {
        Vec::new()
    }
}

/// What the words are about.
pub(super) struct Scene<'a> {
    pub(super) run: &'a Run,
    pub(super) landscape: &'a Landscape,
    /// `None` where the slice cannot be drawn.
    pub(super) picture: Option<&'a Picture<'a>>,
    /// Which of the slices offered, counted from 1, and how many those are.
    pub(super) place: (usize, usize),
    pub(super) cursor: Option<Cursor>,
}

impl Words for Scene<'_> {
    fn compact(&self, width: usize) -> Vec<Line<'static>> {
        let mut facts = self.numbers();
        facts.extend(self.cursor_fact());
        facts.extend(self.progress());
        facts.extend(self.honesty());
        facts.extend(self.provenance());
        facts::flowed(&facts, width)
    }

    /// The numbers, the slice, its study, and sentences on what the picture does not show.
    fn sentences(&self, width: usize) -> Vec<Line<'static>> {
        let mut lines = facts::flowed(&self.numbers(), width);
        lines.extend(
            self.cursor_fact().map(|fact| facts::flowed(&[fact], width)).unwrap_or_default(),
        );
        lines.extend(wrapped(&self.progress(), width));
        lines.extend(wrapped(&self.warnings(), width));
        lines.push(Line::default());
        lines.extend(heading("The slice", width));
        let facts: Vec<Fact> = self.provenance().into_iter().chain(self.details()).collect();
        lines.extend(wrapped(&facts, width));
        lines.extend(self.study_lines(width));
        if self.picture.is_some_and(|picture| picture.quantity.number == 0) {
            lines.extend(basins::lines(self.landscape, width));
        }
        lines.push(Line::default());
        lines.extend(heading("What the picture does not show", width));
        lines.extend(self.caveats().iter().flat_map(|sentence| paragraph(sentence, width)));
        lines
    }

    fn inspected(&self, width: usize) -> Vec<Line<'static>> {
        node::lines(self, width)
    }
}

impl Scene<'_> {
    fn progress(&self) -> Vec<Fact> {
        let picture = self.picture.map(Picture::surface);
        picture.map_or_else(Vec::new, |surface| progress::facts(self.run, surface))
    }

    /// What the slices of a study say about each other.
    fn study_lines(&self, width: usize) -> Vec<Line<'static>> {
        let landscapes = self.run.landscapes();
        let Some(study) = landscapes.study_of(self.landscape.slice()) else {
            return Vec::new();
        };
        let mut lines = vec![Line::default()];
        lines.extend(heading(&study::title(study), width));
        lines.extend(wrapped(&study::facts(study, self.run), width));
        let sentences = study.sentences.iter().map(|sentence| text::printable(sentence));
        lines.extend(sentences.flat_map(|sentence| paragraph(&sentence, width)));
        lines
    }

    fn numbers(&self) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self.picture.and_then(values::shown).into_iter().collect();
        facts.extend(self.landscape.trajectory().and_then(|it| path::key(it, self.run.compared())));
        // A comparison trains nothing.
        facts.extend(self.run.compared().is_empty().then(|| last_loss(self.run)));
        facts.extend(self.picture.map(|picture| extremes(picture.surface())).unwrap_or_default());
        facts.push(snapshots(self.run));
        facts
    }

    fn cursor_fact(&self) -> Option<Fact> {
        values::at_cursor(self.picture?, self.cursor?)
    }

    /// How far to trust the picture.
    fn honesty(&self) -> Vec<Fact> {
        let trajectory = self.landscape.trajectory();
        let mut facts = self.warnings();
        let components = components(self.landscape.slice());
        facts.extend(trajectory.and_then(|it| path::explained(it, &components)));
        facts.extend(trajectory.and_then(path::out_of_plane));
        let compared = self.run.compared();
        facts.extend(trajectory.and_then(|it| path::plane_gap(it, compared)));
        facts.extend(self.picture.map(values::samples));
        facts.extend(self.picture.map(|picture| values::stderr(picture.surface())));
        facts
    }

    /// What is wrong with the picture, not yet in it, or not what it seems.
    fn warnings(&self) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self.picture.map(values::warnings).unwrap_or_default();
        facts.extend(self.picture.and_then(|picture| study::common_scale(self.run, picture)));
        facts.extend(self.failed_checks());
        facts.extend(misplaced(self.landscape));
        facts.extend(layers_left_out(self.landscape));
        facts
    }

    /// Which plane it is.
    fn provenance(&self) -> Vec<Fact> {
        let slice = self.landscape.slice();
        let (number, offered) = self.place;
        let name = text::printable(&format!("{number}/{offered} {}", slice.name));
        let mut facts = vec![Fact::new("slice", name)];
        facts.extend(slice::axes(slice));
        facts.extend(slice::provenance(slice));
        let study = self.run.landscapes().study_of(slice);
        facts.extend(study.map(study::named));
        facts
    }

    /// How it was made and checked.
    fn details(&self) -> Vec<Fact> {
        let mut facts = slice::details(self.landscape.slice());
        facts.extend(self.checks_held());
        facts
    }

    fn failed_checks(&self) -> Option<Fact> {
        let names = self.checks(false);
        (!names.is_empty()).then(|| Fact::new("checks failed", names).toned(Tone::Bad))
    }

    fn checks_held(&self) -> Option<Fact> {
        let names = self.checks(true);
        (!names.is_empty()).then(|| Fact::new("checks hold", names))
    }

    fn checks(&self, passed: bool) -> String {
        let checks = self.landscape.checks().iter().filter(|check| check.passed == passed);
        let names: Vec<&str> = checks.map(|check| check.name.as_str()).collect();
        text::printable(&names.join(", "))
    }

    /// Sentences that numbers alone do not say.
    fn caveats(&self) -> Vec<String> {
        let slice = self.landscape.slice();
        let mut caveats: Vec<Caveat> = caveats_of_checks(self.landscape.checks()).collect();
        let of_path = self.landscape.trajectory().map(|path| caveats_of_path(slice, path));
        caveats.extend(of_path.into_iter().flatten());
        caveats.extend(self.picture.and_then(|it| caveat_of_stop(it.surface(), self.run.state())));
        caveats.extend(self.picture.map(values::caveats).into_iter().flatten());
        caveats.extend(self.run.landscapes().plan_of(slice).and_then(caveat_of_plan));
        caveats.extend(caveats_of_slice(slice, self.run.head.as_ref()));
        let path = self.landscape.trajectory();
        let words = |caveat: Caveat| match path {
            Some(path) => caveat.of_path_in_words(path, self.run.compared()),
            None => caveat.to_string(),
        };
        caveats.into_iter().map(|caveat| text::printable(&words(caveat))).collect()
    }
}

fn misplaced(landscape: &Landscape) -> Option<Fact> {
    let count = landscape.misplaced();
    let fact = Fact::new("outside the grid", format!("{count} nodes"));
    (count > 0).then(|| fact.toned(Tone::Bad))
}

fn layers_left_out(landscape: &Landscape) -> Option<Fact> {
    let count = landscape.layers_left_out();
    let fact = Fact::new("not shown", format!("{count} layers: too many"));
    (count > 0).then(|| fact.toned(Tone::Warning))
}

fn tone_of(value: f64) -> Tone {
    if value.is_finite() { Tone::Plain } else { Tone::Bad }
}
