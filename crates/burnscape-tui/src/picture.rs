//! A frame that is kept: of a run or of a list of runs, as text or as a picture.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use crate::Error;
use crate::app::App;
use crate::bindings::Bindings;
use crate::frame_svg;
use crate::frame_text;
use crate::ground::{Ground, Theme};
use crate::inks::Inks;
use crate::once::{default_view, read_run};
use crate::runs::{Catalogue, Chosen, Found, RunList, Sources};
use crate::terminal_profile::{ColourDepth, TerminalProfile};
use crate::together::Together;
use crate::views::ViewKind;

/// Lines of a list above its rows.
const LIST_HEAD: usize = 2;

/// A frame in true colour and all glyphs, and what it shows in a few words.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    frame: Buffer,
    title: String,
}

/// Columns, and rows where they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureSize {
    /// Columns.
    pub width: u16,
    /// Rows asked for.
    pub height: Option<u16>,
    /// Rows of a view for which none were asked; a list has as many as it has runs.
    pub default_height: u16,
}

impl Picture {
    /// The run that the paths are, in a view or in the one that says most about it. Where they are several or folders with
    /// runs, these together in a view, or a list of them where none is asked for. Everything is read to its end.
    ///
    /// # Errors
    ///
    /// As [`watch`](crate::watch()), but for the terminal.
    pub fn of(paths: &[PathBuf], view: Option<ViewKind>, size: PictureSize) -> Result<Self, Error> {
        Self::after_keys(paths, view, "", size)
    }

    /// The same after some keys were typed, a letter each, a line break for Enter, `←` and `→` for these keys; a list knows
    /// none.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    pub fn after_keys(
        paths: &[PathBuf],
        view: Option<ViewKind>,
        keys: &str,
        size: PictureSize,
    ) -> Result<Self, Error> {
        let sources = Sources::new(paths)?;
        match (sources.single(), view) {
            (Some(path), _) => Self::of_run(path, view, keys, size),
            (None, Some(view)) => Ok(Self::of_several(&sources, view, keys, size)),
            (None, None) => Ok(Self::of_list(sources, size)),
        }
    }

    fn of_run(
        path: &Path,
        view: Option<ViewKind>,
        keys: &str,
        size: PictureSize,
    ) -> Result<Self, Error> {
        let run = read_run(path)?;
        let view = view.unwrap_or_else(|| default_view(&run));
        let title = format!("burnscape: {} of {}", view.word(), run.name());
        let area = Rect::new(0, 0, size.width, size.height.unwrap_or(size.default_height));
        let mut frame = Buffer::empty(area);
        let mut app = App::new(run, view).without_keys();
        typed(keys).for_each(|key| app.handle(&key));
        app.draw(area, &mut frame);
        Ok(Self { frame, title })
    }

    fn of_several(sources: &Sources, view: ViewKind, keys: &str, size: PictureSize) -> Self {
        let chosen = |it: Found| Chosen { path: it.path, name: it.name, view: None };
        let runs: Vec<Chosen> = sources.find().into_iter().map(chosen).collect();
        let mut together = Together::new(&runs, Some(view), Bindings::default());
        together.read_all();
        typed(keys).for_each(|key| together.handle(&key));
        let area = Rect::new(0, 0, size.width, size.height.unwrap_or(size.default_height));
        let mut frame = Buffer::empty(area);
        together.draw_still(area, &mut frame);
        let title =
            format!("burnscape: {} of {} runs", together.title().to_lowercase(), runs.len());
        Self { frame, title }
    }

    fn of_list(sources: Sources, size: PictureSize) -> Self {
        let mut catalogue = Catalogue::new(sources);
        catalogue.follow_all();
        let mut list = RunList::default();
        list.set_rows(catalogue.rows(SystemTime::now()));
        let rows = u16::try_from(catalogue.len() + LIST_HEAD).unwrap_or(u16::MAX);
        let area = Rect::new(0, 0, size.width, size.height.unwrap_or(rows));
        let mut frame = Buffer::empty(area);
        list.draw_still(area, &mut frame);
        Self { frame, title: "burnscape: list of runs".to_owned() }
    }

    /// The frame as lines of text, with colour codes where the profile has colours.
    #[must_use]
    pub fn text(&self, profile: &TerminalProfile) -> String {
        self.text_on(profile, Theme::Dark)
    }

    /// The same for a terminal that draws on the ground of a theme.
    #[must_use]
    pub fn text_on(&self, profile: &TerminalProfile, theme: Theme) -> String {
        let frame = self.adapted(profile, theme);
        match profile.colours {
            ColourDepth::None => frame_text::plain(&frame),
            _ => frame_text::ansi(&frame),
        }
    }

    /// The frame as an SVG file.
    #[must_use]
    pub fn svg(&self) -> String {
        self.svg_on(Theme::Dark)
    }

    /// The frame as an SVG file for pages of a theme.
    #[must_use]
    pub fn svg_on(&self, theme: Theme) -> String {
        let frame = self.adapted(&TerminalProfile::FULL, theme);
        frame_svg::svg_on(&frame, &self.title, theme)
    }

    fn adapted(&self, profile: &TerminalProfile, theme: Theme) -> Buffer {
        let mut frame = self.frame.clone();
        let inks = Inks::new(profile.colours, Ground::assumed(theme));
        profile.adapt_with(&inks, &mut frame);
        frame
    }
}

/// Keys as they come from a terminal.
fn typed(keys: &str) -> impl Iterator<Item = Event> {
    let code = |key| match key {
        '\n' => KeyCode::Enter,
        '←' => KeyCode::Left,
        '→' => KeyCode::Right,
        key => KeyCode::Char(key),
    };
    keys.chars().map(move |key| Event::Key(KeyEvent::new(code(key), KeyModifiers::NONE)))
}
