//! `burnscape` as the programs see it: `Probe::start` and nothing else, with the settings of the test behind it.

use burnscape_trace::record;
use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use burnscape::trace::Plan;
use burnscape::{Probe as Real, ProbeBuilder, Result};

use super::clock;

/// What a test wants to be measured.
#[derive(Debug, Clone, Default)]
pub enum Settings {
    /// What the defaults are, by the clock of the machine.
    #[default]
    Defaults,
    /// The defaults within this budget, by the clock of the test; on one thread, so that nodes follow each other.
    Within(Duration),
    /// Every node, on all batches or on those of a plan.
    Exact(Option<Plan>),
}

thread_local! {
    static SETTINGS: RefCell<Settings> = RefCell::default();
}

/// Sets what programs on this thread measure from now on.
pub fn set(settings: Settings) {
    SETTINGS.set(settings);
}

/// In the place of burnscape's own.
pub struct Probe;

impl Probe {
    pub fn start(run: impl AsRef<Path>) -> Result<Real> {
        let builder = Real::builder(run).quiet();
        SETTINGS.with_borrow(|settings| settings.of(builder)).start()
    }
}

impl Settings {
    fn of(&self, builder: ProbeBuilder) -> ProbeBuilder {
        match self {
            Self::Defaults => builder,
            Self::Within(budget) => builder.budget(*budget).clock(clock::now).threads(1),
            Self::Exact(None) => builder.exact().agreement(0),
            Self::Exact(Some(plan)) => builder.exact().agreement(0).plan(&every_node(plan)),
        }
    }
}

/// The same batches, and nothing left out.
fn every_node(plan: &Plan) -> Plan {
    record!(Plan { batches: plan.batches.clone(), of_batches: plan.of_batches, true_losses: true })
}
