//! What is checked of every program.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::picture::Picture;
use super::stand_in::{Settings, set};
use super::{clock, lines};

/// burn's flex has one random stream for all threads.
static ALONE: Mutex<()> = Mutex::new(());

/// Lines that may change for each model.
const LINES: usize = 4;
/// Nodes of the two planes of `finish`.
const NODES: u64 = 2 * 49 * 49;

/// How much a program has to do.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub epochs: usize,
    pub train: usize,
    pub valid: usize,
    pub batch: usize,
    /// Length of a side of an image, or of a sequence.
    pub side: usize,
    /// Width of the layers.
    pub width: usize,
}

impl Size {
    pub fn steps_per_epoch(&self) -> usize {
        self.train.div_ceil(self.batch)
    }

    fn valid_batches(&self) -> u64 {
        self.valid.div_ceil(self.batch) as u64
    }
}

/// What a run is to hold of one of the models.
pub struct Expected {
    /// The run of it, below that of the program.
    pub run: &'static str,
    pub steps: fn(&Size) -> usize,
    pub epochs: fn(&Size) -> usize,
    /// What its loss is a mean over, as traces tell it: nothing for samples.
    pub unit: &'static str,
    /// How often models are asked for the loss of a batch.
    pub passes: u64,
    /// burn validates it after each epoch, with metrics.
    pub is_validated: bool,
}

impl Expected {
    /// A model that sees every batch in every epoch.
    pub const SUPERVISED: Self = Self {
        run: "",
        steps: |size| size.epochs * size.steps_per_epoch(),
        epochs: |size| size.epochs,
        unit: "",
        passes: 1,
        is_validated: true,
    };
    /// The same in a loop of one's own that does not tell how it validates.
    pub const BY_HAND: Self = Self { is_validated: false, ..Self::SUPERVISED };
}

/// Trains below a folder, and gives parameters and buffers as bytes.
type Train = fn(&Path, &Size) -> anyhow::Result<Vec<u8>>;

/// A program, bare and watched.
pub struct Program {
    pub name: &'static str,
    /// The bare one first.
    pub sources: [&'static str; 2],
    pub bare: Train,
    pub watched: Train,
    /// For every test run.
    pub small: Size,
    /// As large as burn's example.
    pub full: Size,
    pub models: &'static [Expected],
}

/// What a run of a program gave.
struct Trained {
    folder: TempDir,
    weights: Vec<u8>,
    took: Duration,
    /// The same by the clock of the test.
    passed: Duration,
}

impl Trained {
    fn picture(&self, model: &Expected) -> Picture {
        Picture::of(&self.folder.path().join("run").join(model.run))
    }
}

impl Program {
    pub fn check(&self) {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        self.assert_few_lines();
        let bare = self.run(self.bare, Settings::Defaults, &self.small);
        let again = self.run(self.bare, Settings::Defaults, &self.small);
        assert!(bare.weights == again.weights, "{}: two bare runs differ", self.name);
        let budget = self.budget(bare.passed);
        let watched = self.watched_within(budget, &bare);
        let coarse = self.watched_within(budget / 20, &bare);
        let plan = watched.picture(&self.models[0]).plan;
        let exact = self.run(self.watched, Settings::Exact(plan), &self.small);
        for model in self.models {
            let exact = exact.picture(model);
            assert!(exact.counts().is_exact());
            for picture in [watched.picture(model), coarse.picture(model)] {
                picture.assert_recorded(model, &self.small);
                picture.assert_says_what_is_measured();
                picture.assert_as(&exact);
            }
            let counts = coarse.picture(model).counts();
            assert!(counts.unmeasured > 0, "{}: {counts:?} in a twentieth of the time", self.name);
        }
    }

    /// Imports count, lines that are left out do not.
    fn assert_few_lines(&self) {
        let [bare, watched] = self.sources;
        let changed = lines::changed(bare, watched);
        assert!(changed <= LINES * self.models.len(), "{}: {changed} lines", self.name);
    }

    /// Weights are those of the bare run, and it ends in time.
    fn watched_within(&self, budget: Duration, bare: &Trained) -> Trained {
        let watched = self.run(self.watched, Settings::Within(budget), &self.small);
        assert!(watched.weights == bare.weights, "{}: watching changes weights", self.name);
        let took = watched.passed - bare.passed;
        let nodes = self.models.iter().map(|model| model.passes * self.small.valid_batches());
        let most = budget * self.models.len() as u32 + clock::passes(nodes.sum());
        assert!(took <= most, "{}: {took:?} of {most:?}", self.name);
        watched
    }

    /// Prints how long it takes.
    pub fn run_at_full_size(&self) {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let bare = self.run(self.bare, Settings::Defaults, &self.full);
        let watched = self.run(self.watched, Settings::Defaults, &self.full);
        assert!(watched.weights == bare.weights, "{}: watching changes weights", self.name);
        let secs = [&bare, &watched].map(|it| it.took.as_secs_f64());
        let [bare_secs, watched_secs] = secs;
        eprintln!(
            "{}: bare {bare_secs:.1} s, watched with its picture {watched_secs:.1} s",
            self.name
        );
        for model in self.models {
            let picture = watched.picture(model);
            picture.assert_says_what_is_measured();
            eprintln!("  {}", picture.in_words());
        }
    }

    fn run(&self, train: Train, settings: Settings, size: &Size) -> Trained {
        let folder = tempfile::tempdir().expect("a folder");
        set(settings);
        let (begun, passed) = (Instant::now(), clock::now());
        let weights = train(folder.path(), size);
        let weights = weights.unwrap_or_else(|error| panic!("{}: {error:#}", self.name));
        assert!(!weights.is_empty());
        Trained { folder, weights, took: begun.elapsed(), passed: clock::now() - passed }
    }

    /// A tenth of training and of all nodes, for each of the models.
    fn budget(&self, training: Duration) -> Duration {
        let passes = self.models.iter().map(|model| model.passes).max().unwrap_or(1);
        (training + clock::passes(NODES * passes * self.small.valid_batches())) / 10
    }
}
