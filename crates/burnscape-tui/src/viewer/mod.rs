//! What `burnscape watch` shows: a run, or a list of runs and the one that was opened from it. It knows no
//! terminal: events and times come in, frames go out.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::Event;
use ratatui::layout::Rect;

use crate::Error;
use crate::app::App;
use crate::bindings::Bindings;
use crate::error::told;
use crate::followed::Followed;
use crate::message::Message;
use crate::model::Run;
use crate::once::run_name;
use crate::play::{Play, fulfil};
use crate::runs::{Catalogue, Choice, Chosen, Reading, RunList, Sources};
use crate::save_picture;
use crate::session::Session;
use crate::shown::Shown;
use crate::still::Still;
use crate::terminal_profile::Glyphs;
use crate::together::Together;
use crate::views::ViewKind;
use crate::wishes::Wishes;

/// The list looks for new rows this often.
const LIST_DELAY: Duration = Duration::from_millis(100);

/// A run, or several.
#[derive(Debug)]
pub(crate) struct Viewer {
    listing: Option<Listing>,
    opened: Option<Opened>,
    /// Several runs that were opened together.
    together: Option<Together>,
    on_list: bool,
    view: ViewKind,
    /// Where pictures are written.
    folder: PathBuf,
    bindings: Bindings,
}

#[derive(Debug)]
struct Listing {
    list: RunList,
    reading: Reading,
}

#[derive(Debug)]
struct Opened {
    path: PathBuf,
    app: App,
    followed: Followed,
}

impl Viewer {
    /// Opens what was asked for and reads the first records, so that what is no run is told before a terminal is
    /// taken; pictures will be written into a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Trace`], [`Error::NoRuns`]; [`Error::Terminal`] where no thread can be started.
    pub(crate) fn new(
        sources: Sources,
        view: ViewKind,
        folder: &Path,
        bindings: Bindings,
    ) -> Result<Self, Error> {
        let mut viewer = Self {
            listing: None,
            opened: None,
            together: None,
            on_list: false,
            view,
            folder: folder.to_owned(),
            bindings,
        };
        if let Some(path) = sources.single() {
            let mut app = App::new(Run::named(run_name(path)), view).with_bindings(bindings);
            let mut followed = Followed::open(path)?;
            followed.poll(&mut app, SystemTime::now())?;
            viewer.opened = Some(Opened { path: path.to_owned(), app, followed });
        } else {
            let catalogue = Catalogue::new(sources);
            let mut list = RunList::with_bindings(bindings);
            list.set_rows(catalogue.rows(SystemTime::now()));
            let reading = Reading::start(catalogue).map_err(Error::Terminal)?;
            viewer.listing = Some(Listing { list, reading });
            viewer.on_list = true;
        }
        Ok(viewer)
    }

    /// Takes what is new at a time, and tells how long it may take until there is more.
    fn refresh_at(&mut self, now: SystemTime) -> Duration {
        if let Some(listing) = &mut self.listing
            && let Some(rows) = listing.reading.newest()
        {
            listing.list.set_rows(rows);
        }
        match (&mut self.together, &mut self.opened) {
            _ if self.on_list => LIST_DELAY,
            (Some(together), _) => together.refresh(),
            (None, Some(opened)) => {
                opened.followed.keep_up(&mut opened.app, now);
                opened.followed.delay()
            }
            (None, None) => LIST_DELAY,
        }
    }

    /// What the reader wants of the loop, since this was last asked.
    fn take_wishes(&mut self) -> Wishes {
        match (&mut self.listing, &mut self.together, &mut self.opened) {
            (Some(listing), ..) if self.on_list => listing.list.wishes().drain(),
            (_, Some(together), _) => together.wishes().drain(),
            (_, _, Some(opened)) => opened.app.take_wishes(),
            _ => Wishes::default(),
        }
    }

    /// Back to the list, or a sentence where there is none.
    fn show_list(&mut self) {
        if let Some(listing) = &mut self.listing {
            self.on_list = true;
            listing.list.redraw();
        } else {
            self.say("this is the only run: give several, or their folder, for a list".to_owned());
        }
    }

    fn follow_choice(&mut self) {
        let chosen = self.listing.as_mut().and_then(|listing| listing.list.take_chosen());
        match chosen {
            Some(Choice::One(chosen)) => {
                if let Err(error) = self.show(&chosen) {
                    self.say(told(&error));
                }
            }
            Some(Choice::Together(chosen, view)) => {
                self.together = Some(Together::new(&chosen, view, self.bindings));
                self.on_list = false;
            }
            None => {}
        }
    }

    /// Shows a run of the list. The one that was shown last is still there.
    fn show(&mut self, chosen: &Chosen) -> Result<(), Error> {
        if let Some(view) = chosen.view {
            self.view = view;
        }
        let is_known = self.opened.as_ref().is_some_and(|opened| opened.path == chosen.path);
        if !is_known {
            self.opened = Some(Opened::new(chosen, self.view, self.bindings)?);
        }
        if let (Some(opened), Some(view)) = (&mut self.opened, chosen.view) {
            opened.app.update(Message::ShowView(view.number()));
        }
        if let Some(opened) = &mut self.opened {
            opened.app.update(Message::Resize);
        }
        (self.on_list, self.together) = (false, None);
        Ok(())
    }
}

impl Play for Viewer {
    fn handle(&mut self, event: &Event) {
        match (&mut self.listing, &mut self.together, &mut self.opened) {
            (Some(listing), ..) if self.on_list => listing.list.handle(event),
            (_, Some(together), _) => together.handle(event),
            (_, _, Some(opened)) => opened.app.handle(event),
            _ => {}
        }
        self.follow_choice();
    }

    fn refresh(&mut self) -> Result<Duration, Error> {
        Ok(self.refresh_at(SystemTime::now()))
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer) {
        match (&self.listing, &self.together, &self.opened) {
            (Some(listing), ..) if self.on_list => listing.list.draw(area, buffer),
            (_, Some(together), _) => together.draw(area, buffer),
            (_, _, Some(opened)) => opened.app.draw(area, buffer),
            _ => {}
        }
    }

    fn take_changed(&mut self) -> bool {
        match (&mut self.listing, &mut self.together, &mut self.opened) {
            (Some(listing), ..) if self.on_list => listing.list.take_changed(),
            (_, Some(together), _) => together.take_changed(),
            (_, _, Some(opened)) => opened.app.take_changed(),
            _ => false,
        }
    }

    fn app_mut(&mut self) -> Option<&mut App> {
        let is_hidden = self.on_list || self.together.is_some();
        self.opened.as_mut().filter(|_| !is_hidden).map(|opened| &mut opened.app)
    }

    fn wants_ticks(&mut self) -> bool {
        match &self.together {
            Some(together) if !self.on_list => together.wants_ticks(),
            _ => self.app_mut().is_some_and(|app| app.wants_ticks()),
        }
    }

    fn tick(&mut self) {
        match &mut self.together {
            Some(together) if !self.on_list => together.update(Message::Tick),
            _ => self.app_mut().into_iter().for_each(|app| app.update(Message::Tick)),
        }
    }

    fn wants_quit(&self) -> bool {
        let of_list = self.listing.as_ref().is_some_and(|listing| listing.list.wants_quit());
        let of_several = self.together.as_ref().is_some_and(Together::wants_quit);
        of_list || of_several || self.opened.as_ref().is_some_and(|opened| opened.app.wants_quit())
    }

    fn fulfil_wishes(&mut self, session: &mut Session) {
        let wishes = self.take_wishes();
        fulfil(wishes, self, session);
        if wishes.show_list {
            self.show_list();
        }
    }
}

impl Shown for Viewer {
    fn say(&mut self, sentence: String) {
        match (&mut self.listing, &mut self.together, &mut self.opened) {
            (Some(listing), ..) if self.on_list => listing.list.say(sentence),
            (_, Some(together), _) => together.say(sentence),
            (_, _, Some(opened)) => opened.app.say(sentence),
            _ => {}
        }
    }

    fn still(&self, area: Rect) -> Option<Still> {
        let is_hidden = self.on_list || self.together.is_some();
        self.opened.as_ref().filter(|_| !is_hidden)?.app.still(area)
    }

    fn save_picture(&self, area: Rect, glyphs: Glyphs) -> String {
        let mut frame = Buffer::empty(area);
        let names = match (&self.listing, &self.together, &self.opened) {
            (_, Some(together), _) if !self.on_list => {
                together.draw_still(area, &mut frame);
                ("runs", together.title())
            }
            (_, _, Some(opened)) if !self.on_list => {
                opened.app.draw_still(area, &mut frame);
                (opened.app.run().name(), opened.app.view_title())
            }
            (Some(listing), ..) => {
                listing.list.draw_still(area, &mut frame);
                ("runs", "list")
            }
            _ => ("run", "nothing"),
        };
        save_picture::saved(&frame, &self.folder, names, glyphs)
    }
}

impl Opened {
    fn new(chosen: &Chosen, view: ViewKind, bindings: Bindings) -> Result<Self, Error> {
        let mut followed = Followed::open(&chosen.path)?;
        let mut app = App::new(Run::named(&chosen.name), view).with_list().with_bindings(bindings);
        followed.poll(&mut app, SystemTime::now())?;
        Ok(Self { path: chosen.path.clone(), app, followed })
    }
}

#[cfg(test)]
mod tests;
