//! Several runs: where they are, what each is up to, and the list of them.
//!
//! ```text
//! paths given ──► Sources ──► Catalogue ──► rows ──► RunList (on the screen)
//!                 (folders are searched)    (one thread reads all runs, in its own time)
//! ```
//!
//! Of a run in the list only its [`Standing`](crate::model::Standing) is kept; the one that is opened is followed in full by the viewer.

mod catalogue;
mod course;
mod entry;
mod glance;
mod list;
mod order;
mod reading;
mod row;
mod sources;

pub(crate) use catalogue::Catalogue;
pub(crate) use list::{Choice, Chosen, RunList};
pub(crate) use reading::Reading;
pub(crate) use sources::{Found, SEARCH_DEPTH, Sources};
